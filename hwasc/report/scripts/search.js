// The search page with a hand on it: numbers at each point, sorting, limits that move, commands to copy. Without it, the page
// is the same but still. The data are what `report/points.py` gives.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const trials = new Map(data.trials.map((t) => [String(t.number), t]));
  const REACH = 24; // px from the pointer to the nearest point

  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };

  const figuresOf = (trial) => data.labels.map((label, i) => [label, trial.figures[i]]).filter(([, value]) => value !== null);

  // The card beside a point

  const card = element("div", { class: "card", "aria-hidden": "true", hidden: "" });
  document.body.append(card);

  function fill(trial) {
    const facts = figuresOf(trial).map(([label, value]) =>
      element("div", {}, element("dt", {}, label), element("dd", {}, value)));
    card.replaceChildren(
      element("b", {}, `Trial ${trial.number}`), ` ${trial.id}`,
      element("dl", {}, ...facts),
      element("code", {}, trial.architecture),
      element("small", {}, "A click copies the command that distils it"));
  }

  function place(x, y) {
    card.hidden = false;
    const { width, height } = card.getBoundingClientRect();
    const left = x + 16 + width <= innerWidth ? x + 16 : x - 16 - width;
    const top = y + 16 + height <= innerHeight ? y + 16 : y - 16 - height;
    card.style.left = `${Math.max(4, Math.min(left, innerWidth - width - 4))}px`;
    card.style.top = `${Math.max(4, Math.min(top, innerHeight - height - 4))}px`;
  }

  // Points of the pictures and rows of the tables

  const points = [...document.querySelectorAll(".plot use[data-trial]")];
  const rows = [...document.querySelectorAll("tr[data-trial]")];
  let shown = null;

  function mark(number) {
    if (shown === number) return;
    shown = number;
    for (const ring of document.querySelectorAll(".ring")) ring.remove();
    for (const row of rows) row.classList.toggle("shown", row.dataset.trial === number);
    for (const point of points.filter((p) => p.dataset.trial === number)) {
      const ring = document.createElementNS(point.namespaceURI, "circle");
      for (const [key, value] of Object.entries({
        class: "ring", r: 7, cx: point.getAttribute("x"), cy: point.getAttribute("y") })) ring.setAttribute(key, value);
      point.ownerSVGElement.append(ring);
    }
  }

  function show(number, x, y) {
    mark(number);
    fill(trials.get(number));
    place(x, y);
  }

  function hide() {
    mark(null);
    card.hidden = true;
  }

  function nearest(svg, own, event) {
    const matrix = svg.getScreenCTM();
    let found = null;
    let least = REACH ** 2;
    for (const point of own) {
      if (point.classList.contains("out")) continue;
      const dx = matrix.a * point.x.baseVal.value + matrix.e - event.clientX;
      const dy = matrix.d * point.y.baseVal.value + matrix.f - event.clientY;
      if (dx * dx + dy * dy < least) {
        least = dx * dx + dy * dy;
        found = point;
      }
    }
    return found;
  }

  for (const svg of new Set(points.map((p) => p.ownerSVGElement))) {
    const own = points.filter((p) => p.ownerSVGElement === svg);
    svg.addEventListener("pointermove", (event) => {
      const point = nearest(svg, own, event);
      svg.classList.toggle("near", point !== null);
      if (point) show(point.dataset.trial, event.clientX, event.clientY);
      else hide();
    });
    svg.addEventListener("pointerleave", hide);
    svg.addEventListener("click", (event) => {
      const point = nearest(svg, own, event);
      if (point) copy(point.dataset.trial);
    });
    reachable(svg, own);
  }

  // Keys: Tab reaches one point of a panel, arrows the others from left to right, Enter copies

  function reachable(svg, own) {
    svg.removeAttribute("aria-hidden");
    svg.parentElement.setAttribute("role", "group"); // a picture has no parts that can be reached
    const panelOf = (point) => point.closest("g[id*=axes_]");
    for (const panel of new Set(own.map(panelOf))) {
      const first = new Map();
      for (const p of own) if (panelOf(p) === panel && !first.has(p.dataset.trial)) first.set(p.dataset.trial, p);
      const ordered = [...first.values()].sort((a, b) => a.x.baseVal.value - b.x.baseVal.value);
      const start = ordered.find((p) => p.dataset.trial === String(data.best)) || ordered[0];
      for (const p of ordered) {
        p.setAttribute("role", "button");
        p.setAttribute("tabindex", p === start ? 0 : -1);
        p.setAttribute("aria-label", spoken(trials.get(p.dataset.trial)));
        p.addEventListener("focus", () => {
          for (const other of ordered) other.setAttribute("tabindex", other === p ? 0 : -1);
          const { right, bottom } = p.getBoundingClientRect();
          show(p.dataset.trial, right, bottom);
        });
        p.addEventListener("blur", hide);
        p.addEventListener("keydown", (event) =>
          onKey(event, p, ordered.filter((other) => other === p || !other.classList.contains("out"))));
      }
    }
  }

  function spoken(trial) {
    const facts = figuresOf(trial).map((fact) => fact.join(" ")).join(", ");
    return `Trial ${trial.number}. ${facts}. Copies the command that distils it`;
  }

  function onKey(event, point, ordered) {
    const at = ordered.indexOf(point);
    const next = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: ordered.length - 1 };
    const to = next[event.key];
    if (to !== undefined) ordered[to]?.focus();
    else if (event.key === "Enter" || event.key === " ") copy(point.dataset.trial);
    else if (event.key === "Escape") hide();
    else return;
    event.preventDefault();
  }

  // Commands

  const said = element("div", { class: "said", role: "status" });
  document.body.append(said);

  async function copy(number) {
    const command = element("code", {}, data.command.join(number));
    said.replaceChildren(command);
    let note = "Copied";
    try {
      await navigator.clipboard.writeText(command.textContent);
    } catch { // a page from a file or without permission: the reader copies
      getSelection().selectAllChildren(command);
      note = "Copy it with Ctrl+C";
    }
    const close = element("button", { type: "button" }, "Close");
    close.addEventListener("click", () => said.replaceChildren());
    said.prepend(element("b", {}, note));
    said.append(close);
  }

  for (const row of rows) {
    const number = row.dataset.trial;
    const button = element("button", { type: "button", title: "Copy the command that distils it" }, number);
    button.addEventListener("click", () => copy(number));
    row.querySelector("th").replaceChildren(button);
    row.addEventListener("pointerenter", () => mark(number));
    row.addEventListener("pointerleave", hide);
  }

  // Sorting: figures by their value, in bytes and in ones

  const UNITS = { KiB: 1024, k: 1e3, M: 1e6, G: 1e9 };

  function valueOf(cell) {
    const text = cell.textContent.trim();
    const match = /^([-+−]?[\d,]*\.?\d+)(?: (KiB|k|M|G))?(?![\w])/.exec(text);
    return match ? parseFloat(match[1].replace(/,/g, "").replace("−", "-")) * (UNITS[match[2]] || 1) : text;
  }

  function sort(table, index, header) {
    const keyed = [...table.tBodies[0].rows].map((row) => [valueOf(row.cells[index]), row]);
    const figures = keyed.every(([value]) => typeof value === "number" || value === "–");
    const before = header.getAttribute("aria-sort");
    const up = before ? before === "descending" : !figures; // figures: the highest first
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", up ? "ascending" : "descending");
    const compare = figures
      ? (a, b) => (a === "–") - (b === "–") || (up ? a - b : b - a) // what is absent comes last
      : (a, b) => (up ? 1 : -1) * String(a).localeCompare(String(b));
    keyed.sort((a, b) => compare(a[0], b[0]));
    table.tBodies[0].append(...keyed.map(([, row]) => row));
  }

  for (const table of new Set(rows.map((row) => row.closest("table")))) {
    [...table.tHead.rows[0].cells].forEach((header, index) => {
      const button = element("button", { type: "button" }, header.textContent);
      button.addEventListener("click", () => sort(table, index, header));
      header.replaceChildren(button);
    });
  }

  // Limits: each step of a slider is the cost of one trial or more; the last is the budget's

  const remaining = element("output");
  const text = (value, unit) => value.toLocaleString("en-US", { maximumFractionDigits: 2 }) + (unit && ` ${unit}`)
    + (unit === "B" && value >= 1024 ? ` (${(value / 1024).toLocaleString("en-US", { maximumFractionDigits: 1 })} KiB)` : "");

  const sliders = data.costs.map(({ name, unit, limit }, index) => {
    const values = new Set([...data.trials.map((t) => t.costs[index]), ...(limit === null ? [] : [limit])]);
    const steps = [...values].sort((a, b) => a - b);
    const input = element("input", { type: "range", min: 0, max: steps.length - 1, value: steps.length - 1 });
    const shown = element("span", { class: "n" });
    const update = () => {
      shown.textContent = `≤ ${text(steps[input.value], unit)}`;
      input.setAttribute("aria-valuetext", `at most ${text(steps[input.value], unit)}`);
    };
    input.addEventListener("input", () => { update(); filter(); });
    update();
    return {
      label: element("label", {}, element("span", {}, name), input, shown),
      reset: () => { input.value = input.max; update(); },
      within: (trial) => trial.costs[index] <= steps[input.value],
    };
  });

  // Accuracy and score of the longer training where there is one
  function lastScore(trial) {
    const [accuracy, score] = figuresOf(trial).filter(([label]) => /accuracy|score/.test(label)).slice(-2);
    return `${accuracy.join(" ")}, ${score.join(" ")}`;
  }

  function filter() {
    const within = data.trials.filter((t) => sliders.every((s) => s.within(t)));
    const numbers = new Set(within.map((t) => String(t.number)));
    for (const item of [...points, ...rows]) item.classList.toggle("out", !numbers.has(item.dataset.trial));
    const top = within.reduce((a, b) => (a && a.rank < b.rank ? a : b), null);
    remaining.textContent = `${within.length} of ${data.trials.length} remain` + (top ? `; best of them: trial ${top.number}, ${lastScore(top)}` : "");
  }

  const controls = document.querySelector("[data-controls]");
  if (controls && sliders.length) {
    const reset = element("button", { type: "button" }, "All");
    reset.addEventListener("click", () => { sliders.forEach((s) => s.reset()); filter(); });
    controls.append(element("b", {}, "What would remain within tighter limits"),
      ...sliders.map((s) => s.label), element("p", {}, remaining, " ", reset));
    filter();
    controls.hidden = false;
  }
  addEventListener("scroll", () => { card.hidden = true; }, { passive: true });
})();
