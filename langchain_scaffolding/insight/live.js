// The live view of a router. Text from Python becomes text nodes only, so that no name can become markup.

function tag(name, text, className) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

function seconds(value) {
  if (value === null) return "";
  return value < 0.995 ? `${Number((value * 1000).toPrecision(3))} ms` : `${value.toFixed(2)} s`;
}

function count(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function share(value) {
  return value === null ? "" : `${Math.round(value * 100)}%`;
}

function bar(part, className) {
  const outer = tag("div", undefined, "bar");
  const inner = tag("i", undefined, className);
  inner.style.width = `${(100 * part).toFixed(1)}%`;
  outer.append(inner);
  return outer;
}

function cells(row, most) {
  const calls = tag("td", undefined, "wide");
  calls.append(bar(most ? row.calls / most : 0, "c0"));
  const first = tag("td", row.model);
  if (row.left_alone) first.append(tag("div", row.left_alone, "bad one-line"));
  return [
    tag("td", row.task),
    first,
    calls,
    tag("td", String(row.calls), "number"),
    tag("td", String(row.errors), row.errors ? "number bad" : "number"),
    tag("td", seconds(row.latency_p50_s), "number"),
    tag("td", seconds(row.latency_p95_s), "number"),
    tag("td", share(row.acceptance), "number"),
    tag("td", row.feedback_mean === null ? "" : row.feedback_mean.toFixed(2), "number"),
  ];
}

function render({ model, el }) {
  const before = new Map();
  el.classList.add("lcs");

  function turn(to) {
    model.set("page", to);
    model.save_changes();
  }

  function draw() {
    const state = model.get("state");
    const head = tag("div", undefined, "head");
    head.append(tag("b", "router"), ` ${count(state.calls, "call")}, ${count(state.errors, "failed attempt")}`);
    const table = tag("table");
    const names = tag("tr");
    for (const name of ["task", "model", "", "calls", "failed", "median", "p95", "accepted", "feedback"])
      names.append(tag("th", name, ["task", "model", ""].includes(name) ? "" : "number"));
    table.append(names);
    for (const row of state.rows) {
      const line = tag("tr", undefined, before.has(row.key) && before.get(row.key) !== row.calls ? "fresh" : "");
      before.set(row.key, row.calls);
      line.append(...cells(row, state.most));
      table.append(line);
    }
    const parts = [head, table];
    if (state.pages > 1) {
      const foot = tag("div", undefined, "soft");
      const back = tag("button", "‹ before");
      const next = tag("button", "next ›");
      back.disabled = state.page <= 1;
      next.disabled = state.page >= state.pages;
      back.addEventListener("click", () => turn(state.page - 1));
      next.addEventListener("click", () => turn(state.page + 1));
      foot.append(back, ` page ${state.page} of ${state.pages} `, next);
      parts.push(foot);
    }
    el.replaceChildren(...parts);
  }

  model.on("change:state", draw);
  draw();
  return () => model.off("change:state", draw);
}

export default { render };
