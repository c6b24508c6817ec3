"""A text, and answers to it that pass the checks."""

BRIDGE = (
    "The old bridge over the Wupper was closed on 3 March 2024 after engineers found cracks in two of its five arches. "
    "Repairs will cost about 1,234,567 euros. The city council, led by Maria Lopez, voted 14 to 9 for the plan. Until "
    "autumn, buses take a detour of 25 minutes through Elberfeld."
)
ANSWERS = {
    "reasoning": "1. See what is known of the cracks\n2. Compare the costs\n3. Judge the plan",
    "structure": "- The closed bridge\n  - Cracks in the arches\n- The plan of the council\n- The detour for buses",
    "outline": "- The old bridge is closed\n- Repairs cost 1.2 million euros\n- Buses take a detour",
    "fill": "The council expects the first cars to cross again in October, when the arches are filled and tested.",
    "summary": "The bridge over the Wupper is closed until autumn because of cracks; repairs cost 1.2 million euros.",
    "title": "Wupper Bridge Closed After Engineers Found Cracks in Two Arches",
    "query_rewrite": BRIDGE.replace("The ", "").replace(" of its", "").rstrip("."),
}
TITLE_WORDS = 10
REFUSAL = "I'm sorry, but I can't help with that. Is there anything else I can do for you today?"


def options(task: str) -> dict[str, int]:
    """What the answer needs beside the defaults."""
    return {"max_words": TITLE_WORDS} if task == "title" else {}
