"""The function words of some languages: they tell a language and carry no topic.

The first group is complete enough to rank by; the second only tells those languages from the
first, and lets their commonest words weigh nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_RANKED: Final = {
    "en": """a about above after again against all almost also although am an and any are around as
        at away be because been before being below between both but by came can cannot come could
        did didn do does doesn doing don down during each either else even ever every few for from
        further get had has hasn have haven having he her here hers herself him himself his how
        however i if in into is isn it its itself just later least less let like ll made make many
        may me might more most much must my myself near neither never no nor not now of off often
        on once one only or other others our ours out over own per put quite rather re really said
        same say says she should since so some still such than that the their theirs them themselves
        then there therefore these they this those though through thus to too toward under until
        up upon us ve very was wasn we well went were what when where whether which while who whom
        whose why will with within without won would yet you your yours""",
    "de": """ab aber alle allem allen aller alles als also am an andere anderen anderer anderes ans
        auch auf aus außerdem bei beim bereits bin bis bisher bist da dabei dadurch dafür dagegen
        daher damit danach dann daran darauf das dass davon dazu dein dem den denn der deren des
        deshalb dessen dich die dies diese diesem diesen dieser dieses dir doch dort du durch eher
        ein eine einem einen einer eines einige einmal er erst es etwa etwas euch euer fast für
        gab ganz gar gegen gibt haben hat hatte hatten hier hin hinter ich ihm ihn ihnen ihr ihre
        ihrem ihren ihrer im immer in ins ist ja jede jedem jeden jeder jedes jedoch kann kaum kein
        keine keinem keinen keiner können könnte konnte machen man manche mehr mein meine meinem
        meinen meiner meist mich mir mit muss müssen nach nachdem nicht nichts noch nun nur ob
        obwohl oder oft ohne schon sehr sei sein seine seinem seinen seiner seit selbst sich sie
        sind so sogar solche soll sollen sollte sondern sonst statt über um und uns unser unsere
        unter viel viele vom von vor wann war waren warum was weil weiter welche welcher wenn wer
        werden wie wieder will wir wird wo wohl wollen worden wurde wurden würde zu zudem zum zur
        zwar zwischen""",
    "fr": """à afin ai ainsi alors après as assez au aucun aucune aujourd aussi autre autres aux
        avait avant avec avoir avons bien c ça car ce ceci cela celle celles celui cependant ces cet
        cette ceux chaque chez comme comment d dans de déjà depuis des désormais deux dit dont donc
        du durant elle elles en encore enfin entre es est et étaient était été être eu eux faire
        fait faut font grâce hors hui ici il ils j jamais je jusqu jusque l la là laquelle le
        lequel les lesquels leur leurs lors lorsque lui m ma mais malgré me même mêmes mes mieux
        moi moins mon n ne ni non nos notre nous on ont or ou où par parce parfois parmi pas peu
        peut peuvent plupart plus plusieurs pour pourquoi pourtant près presque puis puisque qu
        quand que quel quelle quelles quelque quelques quels qui quoi s sa sans sauf se selon sera
        seront ses si sinon soit son sont sous souvent sur surtout t ta tandis te tel telle tes toi
        ton toujours tous tout toute toutefois toutes très tu un une vers voici voilà vos votre vous
        y""",
    "es": """a al algo alguien algún alguna algunas alguno algunos allí ante antes aquel aquella
        aquello aquí así aún aunque bajo bien cada casi como cómo con contra cual cuál cuando cuándo
        cuanto de del demás desde después donde dónde dos durante e el él ella ellas ellos en
        entonces entre era eran eres es esa esas ese eso esos esta está estaba están estar estas
        este esto estos fue fueron ha haber había habían hace hacer hacia han has hasta hay he
        incluso la las le les lo los luego mas más me menos mi mí mientras mis mismo misma mucha
        muchas mucho muchos muy nada nadie ni ningún ninguna ninguno no nos nosotros nuestra nuestro
        nunca o os otra otras otro otros para pero poco por porque pues que qué quien quién quienes
        salvo se sea según ser si sí sido siempre sin sino sobre solo sólo son soy su sus tal
        también tampoco tan tanto te tener tengo ti tiene tienen todas todavía todo todos toda tras
        tu tú tus un una unas uno unos usted ustedes va vez y ya yo""",
    "it": """a abbiamo ad agli ai al alcuni alcune alla alle allo allora altra altre altri altro
        anche ancora avere aveva avevano c che chi ci ciò cioè coi col come con contro così cui d da
        dagli dai dal dalla dalle dallo degli dei del dell della delle dello dentro di dopo dove due
        durante e è ed era erano essere fa fare fatto fino forse fra fu già gli ha hai hanno ho i il
        in infatti inoltre io invece l la là le lei lì li lo loro lui ma mai me meno mentre mi mia
        mie miei mio molta molte molti molto ne né negli nei nel nell nella nelle nello nessun
        nessuno niente noi non nostra nostro nulla o od ogni oggi oltre ora per perché perciò perfino
        però più poco poi possono prima proprio può qualche quale quali quando quanto quasi quella
        quelle quelli quello questa queste questi questo qui quindi sarà se sé secondo sei sempre
        senza si sì sia sono sopra sotto sta stata stati stato su sua subito sue sugli sui sul sulla
        sulle suo suoi t tanto te ti tra troppo tu tua tue tuo tutta tutte tuttavia tutti tutto un
        una uno v verso vi voi""",
    "pt": """a à acerca agora ainda algo alguém algum alguma algumas alguns ali ante antes ao aos
        apenas após aquela aquele aquilo aqui as às assim até bem cada com como contra contudo cujo
        da das de dela dele deles demais depois desde dessa desse desta deste disso do dois dos
        durante e é ela elas ele eles em embora enquanto então entre era eram és essa essas esse
        esses esta está estão estar estas estava este estes estou eu faz fazer foi foram há havia
        isso isto já lá lhe lhes logo mais mas me menos mesma mesmo meu meus minha minhas muita
        muitas muito muitos na nada não nas nem nenhum nessa nesse nesta neste ninguém no nos nós
        nossa nosso num numa nunca o onde os ou outra outras outro outros para pela pelas pelo pelos
        perante pode pois por porém porque portanto pouco quais qual quando quanto quase que quê
        quem são se sem sempre sendo ser será seu seus si sido sim só sob sobre sua suas tal também
        tanto tão te tem têm tenho ter teu teve ti tinha toda todas todavia todo todos tu tua tudo
        um uma umas uns vai vez você vocês vos""",
    "ru": """а без более больше будем будет будто будут бы был была были было быть в вам вас ваш
        вдруг ведь весь во вот впрочем время все всё всегда всего всей всем всех всю вы где да даже
        два для до довольно другие другой его ее её ей ему если есть еще ещё же за зато здесь и из
        или им ими иногда их к каждый как какая какой когда конечно которая которого которое
        которой котором которую которые который которых кроме кто куда ли либо лишь лучше между меня
        мне много может можно мой моя мы на над надо нам нас наш не него нее неё ней некоторые
        нельзя нем нём нет ни них ничего но ну о об обе однако около он она они оно опять от очень
        перед по под пока поэтому после потом потому почему почти при про просто против раз с сам
        самый своей своего свои свой свою себе себя сейчас сколько со совсем так также такая такие
        такой такого там твой тебе тебя тем теперь тех то тогда того тоже той только том тот тут ты
        у уж уже хотя чего чей чем через что чтобы чуть эта эти этим этих это этого этой этом этот
        эту я""",
    "ar": """أبدا أحد أخرى أو أي أيضا إذ إذا إلا إلى إن إنه إنها أن أنا أنت أنها أنه أكثر أما أمام
        أول أصبح بعد بعض بل بين به بها بهذا تحت تكون تلك تم ثم جدا جميع حتى حول حيث حين خارج خلال
        دائما داخل دون ذات ذلك سوف ضد ضمن عام عدم عدة عليه عليها على عن عند عنه عندما غير فإن فقد
        فقط فهو فهي فوق في فيه فيها قال قبل قد كان كانت كانوا كل كلما كما كم كيف كي لا لأن لأنها
        لأنه لدى لذلك لقد لكل لكن لكنه لكنها لم لما لماذا لن له لها لهم لو ليس ليست ما ماذا متى
        مثل مع معظم معه معها من منذ منه منها مهما نحن نحو نفس هذا هذه هل هم هنا هناك هو هي وأن وإذا
        وإن وعند وفي وقال وقد وكان وكانت ولا ولكن ولم وليس وما ومع ومن ومنذ وهذا وهو وهي يا يكون
        يوم""",
}
_TOLD_APART: Final = {
    "nl": """de het een en van ik te dat die in is hij niet zijn op aan met als voor had er maar om
        hem dan zou of wat mijn men dit zo door over ze zich bij ook tot je mij uit der daar naar
        heb hoe heeft hebben deze u want nog zal zij nu ge geen omdat iets worden wordt werd""",
    "sv": """och det att i en jag hon som han på den med var sig för så till är men ett om hade de av
        icke mig du henne då sin nu har inte hans honom skulle hennes där min man ej vid kunde något
        från ut när efter upp vi dem vara vad över än dig kan sina här ha mot alla eller""",
    "da": """og i jeg det at en den til er som på de med han af for ikke der var mig sig men et har
        om vi min havde ham hun nu over da fra du ud sin dem os op man hans hvor eller hvad skal
        selv her alle vil blev kunne ind når være noget efter""",
    "pl": """i w na z do się nie to jest że o a jak po co tak za od jego ale przez tylko czy ten już
        tym są dla był było była być tej które który która oraz może tego przed ich jej mnie gdy""",
    "cs": """a se v na je že o s z do i to k ve pro za by ale si po jsem tak jak od co být ho byl
        jeho když jen už jako nebo jsou má však která který které při""",
    "ro": """și în de la cu pe un o nu este din care mai se pentru că sunt au fost ca lui sau dar
        această acest fi când prin după ale fără despre între foarte""",
    "ca": """el la els les i de que en un una per amb no és es al del ha com més però són va aquest
        aquesta també fins ser molt tot hi ho seva seu quan sense""",
    "tr": """ve bir bu da de için ile çok daha gibi ama ne o en olarak olan kadar sonra var değil
        mi mı ki ya veya her hem şey diye üzere göre bütün ben sen biz siz onlar""",
    "fi": """ja on ei se että oli hän mutta ovat kun ole joka niin tai myös jos mitä sen ne kuin
        olla nyt vain tämä minä sinä me te he vielä sitten koska kuitenkin""",
    "hu": """a az és hogy nem is egy ez meg ha de volt csak már mint vagy van még ki el azt lesz nagyon
        minden kell én ő mert ezt amely után""",
    "id": """yang dan di itu dengan untuk tidak ini dari dalam akan pada juga saya ke karena tersebut
        bisa ada mereka lebih kata tahun sudah atau saat oleh menjadi orang ia telah adalah""",
    "vi": """và của là có không cho được trong một người với các những này đã khi để đến từ vào ra
        cũng như thì đó nhưng về sẽ tôi""",
    "uk": """і в у на з що не до та це як за від його але він вона вони для про є був була було бути
        ми ви я цей ця ці той або якщо ще вже також через після його який яка які щоб""",
    "bg": """и на да се от за е с не в са по като че до ще това при си или най беше има към тя той
        те му са след само но още когато който която които""",
    "hi": """है के में की को और का से पर यह हैं ने नहीं एक कि भी हो था इस जो कर तो ही थी थे गया लिए
        वह या अपने करने साथ""",
    "fa": """و در به از که این را با است برای آن یک خود تا کرد بر هم نیز شده شد می ها ای او ما اما
        یا باید دارد بود""",
}

STOP_WORDS: Final[dict[str, frozenset[str]]] = {
    language: frozenset(words.split()) for language, words in {**_RANKED, **_TOLD_APART}.items()
}
"""Function words by ISO 639-1 code, lower case."""

# Function words without which a query asks for something else.
_KEPT_WORDS: Final = """not no without never vs versus before after under over between than since until against
    nicht kein keine keinen keinem keiner ohne nie vor nach unter über zwischen gegen seit
    pas sans jamais avant après sous entre contre depuis
    sin nunca antes después bajo contra desde não sem após entre
    non senza mai prima dopo sotto tra fra contro
    не без до после под между против от
    بدون قبل بعد تحت ضد بين ليس"""
_KEPT: Final = frozenset(_KEPT_WORDS.split())
_COURTESY: Final[dict[str, str]] = {
    "en": "hi hello hey dear please thanks thank tell know explain show help want wondering wonder find"
    " question anyone somebody someone looking like give need",
    "de": "hallo hi guten tag bitte danke sag sagen sagt wissen erklären erklär zeigen zeig hilfe helfen"
    " möchte würde gerne gern frage jemand suche mal brauche",
    "fr": "bonjour salut merci svp plaît dire dis dites savoir expliquer expliquez montrer aider aide"
    " voudrais aimerais veux question quelqu besoin pourriez pouvez cherche",
    "es": "hola buenos buenas días gracias favor dime decir decirme saber explicar explica mostrar ayuda"
    " ayudar quiero quisiera gustaría pregunta puedes podrías podría busco necesito",
    "pt": "olá oi bom dia boa obrigado obrigada favor diga dizer saber explicar explique mostrar ajuda"
    " ajudar quero queria gostaria pergunta pode poderia procuro preciso",
    "it": "ciao salve buongiorno grazie favore dimmi dire sapere spiegare spiega mostrare aiuto aiutare"
    " voglio vorrei domanda puoi potresti cerco bisogno",
    "ru": "привет здравствуйте пожалуйста спасибо скажи скажите сказать знать объясни объясните покажи"
    " помоги помогите хочу хотел хотела бы вопрос кто-нибудь подскажите ищу нужно",
    "ar": "مرحبا أهلا السلام عليكم فضلك شكرا أخبرني قل أعرف اشرح أرني ساعدني أريد أود سؤال ممكن أبحث",
}


def light_words(language: str | None) -> frozenset[str]:
    """Return the words that a question can lose and still ask the same, empty where none are known.

    >>> {"please", "the"} <= light_words("en"), "without" in light_words("en")
    (True, False)
    """
    return _LIGHT.get(language or "", frozenset())


def heavy_words(tokens: Sequence[str], language: str | None) -> list[bool]:
    """Return for each word of a sentence whether it says something: it is not light, or a capital makes it a name.

    A capital does so behind the first word: "12 May", "the WHO"; not in German, nor where most words have one.

    >>> heavy_words("The visit is on 12 May".split(), "en")
    [False, True, False, False, True, True]
    """
    light = light_words(language)
    names = [place for place, token in enumerate(tokens) if place > 0 and len(token) > 1 and token[0].isupper()]
    if language == "de" or 2 * len(names) > len(tokens):
        names = []
    return [
        place in names or not all(part in light for part in _APOSTROPHE.split(token.casefold()))
        for place, token in enumerate(tokens)
    ]


_APOSTROPHE: Final = re.compile("['’]")
_LIGHT: Final = {
    language: (stop | frozenset(_COURTESY.get(language, "").split())) - _KEPT for language, stop in STOP_WORDS.items()
}
