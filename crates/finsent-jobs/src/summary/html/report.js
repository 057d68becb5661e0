(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const { groups, periods, labels, classes, quotes } = data;
  const $ = (id) => document.getElementById(id);
  const SVG = "http://www.w3.org/2000/svg";
  const add = (node, attributes, children) => {
    for (const [name, value] of Object.entries(attributes || {})) if (value != null) node.setAttribute(name, value);
    for (const child of [].concat(children ?? [])) if (child != null) node.append(child);
    return node;
  };
  const h = (name, attributes, children) => add(document.createElement(name), attributes, children);
  const s = (name, attributes, children) => add(document.createElementNS(SVG, name), attributes, children);
  const signed = (x, digits = 2) => {
    if (x == null) return "–";
    const shown = Math.abs(x).toFixed(digits);
    return (x < 0 && +shown ? "−" : "+") + shown;
  };
  const many = (n) => n.toLocaleString("en-US") + (n === 1 ? " text" : " texts");
  const percent = (x) => Math.round(100 * x) + "%";
  const hasScores = data.sentiment;
  const hasTime = periods.length > 0;

  // Which groups the charts show, each with a color, a dash and a marker that it keeps.
  const LOOKS = 7;
  const looks = new Map();
  const show = (index) => {
    const used = new Set([...looks.values()]);
    let look = 0;
    while (used.has(look)) look += 1;
    looks.set(index, look);
  };
  groups.slice(0, 6).forEach((_, index) => show(index));
  let chosen = null;

  const marker = (look, x, y, r) => {
    const color = "mk f" + (look % LOOKS);
    switch (look % 4) {
      case 1: return s("rect", { class: color, x: x - r, y: y - r, width: 2 * r, height: 2 * r });
      case 2: return s("path", { class: color, d: `M${x} ${y - 1.25 * r}l${1.2 * r} ${2.1 * r}h${-2.4 * r}z` });
      case 3: return s("path", { class: color, d: `M${x} ${y - 1.35 * r}l${1.35 * r} ${1.35 * r}l${-1.35 * r} ${1.35 * r}l${-1.35 * r} ${-1.35 * r}z` });
      default: return s("circle", { class: color, cx: x, cy: y, r });
    }
  };
  const key = (className) => s("svg", { width: 11, height: 11, "aria-hidden": "true" }, s("rect", { class: className, width: 11, height: 11, rx: 2 }));

  // The texts behind a point.
  const quote = ([text, label, score, row]) =>
    h("li", { class: "q" }, [
      h("b", { class: score > 0 ? "up" : "down" }, signed(score)), text,
      h("span", {}, labels[label] + ", " + row),
    ]);
  const list = (title, texts) => (texts.length ? [h("h3", {}, title), h("ol", {}, texts.map(quote))] : []);
  const best = (cells, end) => {
    const seen = new Set();
    const all = cells.flatMap((cell) => cell[end] || []).filter(([text]) => !seen.has(text) && seen.add(text));
    return all.sort((a, b) => (end === "hi" ? b[2] - a[2] : a[2] - b[2])).slice(0, quotes);
  };
  const texts = (title, cells, count, mean) => {
    const [high, low] = [best(cells, "hi"), best(cells, "lo")];
    const about = many(count) + (mean == null ? "" : ", sentiment " + signed(mean));
    const none = quotes === 0 ? "This report was made without texts." : hasScores ? "No text is positive or negative, or the texts of this point are left out to keep the report small." : "";
    $("texts").replaceChildren(
      h("h2", {}, title), h("p", { class: "dim small" }, about),
      ...list("Most positive", high), ...list("Most negative", low),
      ...(high.length + low.length ? [] : [h("p", { class: "small" }, none)]),
    );
  };
  const choose = (group, cell, scroll) => {
    chosen = { group, cell };
    const whole = groups[group];
    const one = cell == null ? whole : whole.cells[cell];
    texts(whole.name + (cell == null ? "" : ", " + periods[one.p]), [one], one.n, one.s);
    document.querySelectorAll("#groups tbody tr").forEach((row) => row.classList.toggle("on", +row.dataset.group === group));
    document.querySelectorAll(".pt").forEach((point) =>
      point.classList.toggle("on", +point.dataset.group === group && point.dataset.cell === (cell == null ? undefined : String(cell))));
    if (scroll && matchMedia("(max-width:860px)").matches) $("texts").scrollIntoView({ block: "start" });
  };

  // A point that the keyboard reaches: one tab stop for all, arrows between them.
  const point = (group, cell, label, act, children) => {
    const node = s("g", { class: "pt", tabindex: -1, role: "button", "aria-label": label, "data-group": group, "data-cell": cell }, [s("title", {}, label), ...children]);
    node.addEventListener("click", () => { node.focus(); act(true); });
    return node;
  };
  const keyboard = (svg, rows) => {
    const all = rows.flat();
    if (all.length) all[0].setAttribute("tabindex", 0);
    const go = (node) => {
      all.forEach((other) => other.setAttribute("tabindex", other === node ? 0 : -1));
      node.focus();
    };
    svg.addEventListener("keydown", (event) => {
      const row = rows.findIndex((nodes) => nodes.includes(document.activeElement));
      if (row < 0) return;
      const place = rows[row].indexOf(document.activeElement);
      const move = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); document.activeElement.dispatchEvent(new MouseEvent("click", { bubbles: true })); }
      if (!move) return;
      event.preventDefault();
      const nodes = rows[row + move[0]] || rows[row];
      go(nodes[Math.max(0, Math.min(nodes.length - 1, place + move[1]))]);
    });
  };

  const frame = (id, height, label) => {
    const host = $(id);
    const width = Math.max(280, host.clientWidth);
    const svg = s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": label });
    host.replaceChildren(svg);
    return { svg, width, height };
  };
  const ticks = (names, room) => {
    const count = names.length;
    const wide = 18 + 6.6 * Math.max(3, ...names.map((name) => name.length));
    const step = Math.max(1, Math.ceil(count / Math.max(1, Math.floor(room / wide))));
    return Array.from({ length: count }, (_, index) => index).filter((index) => (count - 1 - index) % step === 0);
  };
  // A label below an axis, which stays in the drawing.
  const below = (svg, x, y, text, width) => {
    const half = 3.4 * text.length;
    const at = Math.min(Math.max(x, half), width - half);
    svg.append(s("text", { x: at, y, "text-anchor": "middle" }, text));
  };
  // The next larger number that an axis can end with, whose half is one too.
  const rounded = (n) => {
    if (n <= 2) return 2;
    const power = 10 ** Math.floor(Math.log10(n));
    return [1, 2, 4, 6, 8, 10].map((factor) => factor * power).find((end) => end >= n);
  };
  const short = (period) => period.replace(/:00(Z|[+-]\d\d:\d\d)$/, "").replace("T", " ");

  const overTime = () => {
    const shown = [...looks.keys()].sort((a, b) => a - b);
    const { svg, width, height } = frame("chart", 340, "Mean sentiment score by group over time");
    const names = width > 560;
    const [left, top, bottom] = [44, 12, 28];
    const right = names ? Math.min(150, 24 + 7 * Math.max(4, ...shown.map((index) => groups[index].name.length))) : 14;
    const means = shown.flatMap((index) => groups[index].cells.map((cell) => cell.s)).filter((mean) => mean != null);
    const most = Math.min(1, Math.max(0.25, Math.ceil(4 * Math.max(0, ...means.map(Math.abs))) / 4));
    const x = (period) => left + (periods.length === 1 ? 0.5 : period / (periods.length - 1)) * (width - left - right - 16) + 8;
    const y = (mean) => top + ((most - mean) / (2 * most)) * (height - top - bottom);
    for (const part of [1, 0.5, 0, -0.5, -1]) {
      const at = y(part * most);
      svg.append(s("line", { class: part ? "grid" : "zero", x1: left, x2: width - right, y1: at, y2: at }),
        s("text", { x: left - 6, y: at + 4, "text-anchor": "end" }, part ? signed(part * most, most < 0.5 ? 3 : 2).replace(/0$/, "") : "0"));
    }
    for (const index of ticks(periods.map(short), width - left - right)) {
      below(svg, x(index), height - 8, short(periods[index]), width);
    }
    const largest = Math.max(1, ...shown.flatMap((index) => groups[index].cells.map((cell) => cell.n)));
    const rows = [];
    const ends = [];
    for (const index of shown) {
      const [group, look] = [groups[index], looks.get(index)];
      const cells = group.cells.map((cell, place) => [cell, place]).filter(([cell]) => cell.s != null);
      if (!cells.length) continue;
      svg.append(s("path", {
        class: "ln s" + (look % LOOKS),
        "stroke-dasharray": look % 3 === 1 ? "7 3" : look % 3 === 2 ? "2 3" : null,
        d: cells.map(([cell], place) => (place ? "L" : "M") + x(cell.p).toFixed(1) + " " + y(cell.s).toFixed(1)).join(""),
      }));
      rows.push(cells.map(([cell, place]) =>
        point(index, place, `${group.name}, ${periods[cell.p]}: ${signed(cell.s)}, ${many(cell.n)}`,
          (scroll) => choose(index, place, scroll),
          [marker(look, x(cell.p), y(cell.s), 3.5 + 3.5 * Math.sqrt(cell.n / largest))])));
      const last = cells[cells.length - 1][0];
      ends.push({ at: y(last.s), name: group.name, x: x(last.p) });
    }
    rows.flat().forEach((node) => svg.append(node));
    if (names) {
      ends.sort((a, b) => a.at - b.at);
      ends.forEach((end, place) => { if (place) end.at = Math.max(end.at, ends[place - 1].at + 14); });
      ends.forEach((end) => svg.append(s("text", { class: "end", x: width - right + 8, y: end.at + 4 }, end.name.length > 17 ? end.name.slice(0, 16) + "…" : end.name)));
    }
    keyboard(svg, rows);
  };

  const byGroup = () => {
    const shown = groups.map((_, index) => index).slice(0, 25);
    const { svg, width, height } = frame("chart", 30 * shown.length + 34, "Mean sentiment score by group");
    const left = Math.min(width * 0.34, 16 + 7.5 * Math.max(4, ...shown.map((index) => groups[index].name.length)));
    const most = Math.min(1, Math.max(0.25, Math.ceil(4 * Math.max(0, ...shown.map((index) => Math.max(Math.abs(groups[index].s ?? 0), Math.abs(groups[index].b ?? 0))))) / 4));
    const x = (mean) => left + 46 + ((mean + most) / (2 * most)) * (width - left - 96);
    for (const part of [-1, 0, 1]) {
      svg.append(s("line", { class: part ? "grid" : "zero", x1: x(part * most), x2: x(part * most), y1: 4, y2: height - 24 }),
        s("text", { x: x(part * most), y: height - 8, "text-anchor": "middle" }, part ? signed(part * most) : "0"));
    }
    const rows = shown.map((index, place) => {
      const [group, at] = [groups[index], 30 * place + 6];
      const [from, to] = [x(Math.min(0, group.s ?? 0)), x(Math.max(0, group.s ?? 0))];
      const node = point(index, null, `${group.name}: ${signed(group.s)}, ${many(group.n)}` + (group.b == null ? "" : `; before: ${signed(group.b)}`), (scroll) => choose(index, null, scroll), [
        s("rect", { x: 0, y: at - 3, width, height: 28, fill: "transparent" }),
        s("text", { class: "end", x: left, y: at + 15, "text-anchor": "end" }, group.name.length > left / 7.2 ? group.name.slice(0, Math.floor(left / 7.2) - 1) + "…" : group.name),
        s("rect", { class: "mk " + (group.s < 0 ? "neg" : "pos"), x: from, y: at, width: Math.max(1, to - from), height: 22 }),
        group.b == null ? null : s("line", { class: "was", x1: x(group.b), x2: x(group.b), y1: at - 3, y2: at + 25 }),
        s("text", { class: "end", x: group.s < 0 ? from - 6 : to + 6, y: at + 15, "text-anchor": group.s < 0 ? "end" : "start" }, signed(group.s)),
      ]);
      svg.append(node);
      return [node];
    });
    keyboard(svg, rows);
  };

  // Stacked bars of labels: how many texts in each period, or which share in each group.
  const stacked = (id, label, bars, isShare) => {
    const { svg, width, height } = frame(id, 200, label);
    const [left, top, bottom] = [44, 8, 28];
    const most = isShare ? 1 : rounded(Math.max(1, ...bars.map((bar) => bar.total)));
    const step = (width - left - 10) / bars.length;
    const y = (value) => top + (1 - value / most) * (height - top - bottom);
    for (const part of [1, 0.5, 0]) {
      svg.append(s("line", { class: "grid", x1: left, x2: width - 10, y1: y(part * most), y2: y(part * most) }),
        s("text", { x: left - 6, y: y(part * most) + 4, "text-anchor": "end" }, isShare ? percent(part) : Math.round(part * most).toLocaleString("en-US")));
    }
    const wide = Math.max(1, Math.min(56, step * 0.72));
    const row = bars.map((bar, place) => {
      let sum = 0;
      const at = left + step * (place + 0.5);
      const parts = data.stack.map((id) => {
        const from = sum;
        sum += bar.counts[id] || 0;
        return s("rect", { class: classes[id], x: at - wide / 2, width: wide, y: y(sum), height: Math.max(0, y(from) - y(sum)) });
      });
      const node = point(bar.group ?? -1, null, bar.label, bar.act, [s("rect", { class: "mk", x: at - wide / 2 - 1, width: wide + 2, y: y(sum) - 1, height: Math.max(1, y(0) - y(sum) + 2), fill: "none" }), ...parts]);
      svg.append(node);
      return node;
    });
    const names = bars.map((bar) => (bar.short.length > 13 && !hasTime ? bar.short.slice(0, 12) + "…" : bar.short));
    for (const place of ticks(names, width - left)) below(svg, left + step * (place + 0.5), height - 8, names[place], width);
    keyboard(svg, [row]);
  };
  const counts = (cells) => labels.map((_, label) => cells.reduce((sum, cell) => sum + cell.n * (cell.h[label] || 0), 0));
  const volume = () => {
    const shown = [...looks.keys()];
    if (!hasTime) {
      const bars = groups.slice(0, 25).map((group, index) => ({
        group: index, counts: counts([group]), total: group.n, short: group.name,
        label: `${group.name}: ${many(group.n)}, ` + data.stack.map((id) => `${labels[id]} ${percent(group.h[id] || 0)}`).join(", "),
        act: (scroll) => choose(index, null, scroll),
      }));
      return stacked("volume", "Number of texts by group and label", bars, false);
    }
    const bars = periods.map((period, index) => {
      const cells = shown.flatMap((group) => groups[group].cells.filter((cell) => cell.p === index));
      const total = cells.reduce((sum, cell) => sum + cell.n, 0);
      const sums = counts(cells);
      const scored = cells.filter((cell) => cell.s != null && cell.n);
      const n = scored.reduce((sum, cell) => sum + cell.n, 0);
      const mean = n ? scored.reduce((sum, cell) => sum + cell.n * cell.s, 0) / n : null;
      return {
        counts: sums, total, short: short(period),
        label: `${period}: ${many(total)}, ` + data.stack.map((id) => `${Math.round(sums[id])} ${labels[id]}`).join(", "),
        act: () => texts(period, cells, total, data.weighted ? null : mean),
      };
    });
    stacked("volume", "Number of texts by period and label", bars, false);
  };
  const shares = () => {
    const shown = hasTime ? [...looks.keys()].sort((a, b) => a - b) : groups.map((_, index) => index).slice(0, 25);
    stacked("shares", "Share of each label by group", shown.map((index) => {
      const group = groups[index];
      return {
        group: index, counts: group.h, total: 1, short: group.name.length > 13 ? group.name.slice(0, 12) + "…" : group.name,
        label: `${group.name}: ` + data.stack.map((id) => `${labels[id]} ${percent(group.h[id] || 0)}`).join(", "),
        act: (scroll) => choose(index, null, scroll),
      };
    }), true);
  };

  const chips = () => {
    const few = groups.length <= 12;
    const shown = few ? groups.map((_, index) => index) : [...looks.keys()].sort((a, b) => a - b);
    const toggle = (index) => {
      if (looks.has(index)) looks.delete(index); else show(index);
      draw();
    };
    const nodes = shown.map((index) => {
      const look = looks.get(index);
      const mark = s("svg", { width: 12, height: 12, "aria-hidden": "true" }, look == null ? [] : marker(look, 6, 6.5, 4));
      const chip = h("button", { type: "button", "aria-pressed": looks.has(index), id: "chip" + index }, [mark, groups[index].name]);
      chip.addEventListener("click", () => { toggle(index); $("chip" + index)?.focus(); });
      return chip;
    });
    if (!few) {
      const options = groups.map((group, index) => [group, index]).filter(([, index]) => !looks.has(index))
        .map(([group, index]) => h("option", { value: index }, group.name));
      const select = h("select", { "aria-label": "Show another group" }, [h("option", { value: "" }, "Show another …"), ...options]);
      select.addEventListener("change", () => { if (select.value !== "") toggle(+select.value); });
      nodes.push(select);
    }
    $("chips").replaceChildren(...nodes);
  };

  const draw = () => {
    if (!groups.length) return;
    if (hasTime) chips();
    if (hasScores) { if (hasTime) overTime(); else byGroup(); }
    shares();
    volume();
    if (chosen) choose(chosen.group, chosen.cell);
  };

  // The table sorts by a click on a header, and rows lead to their texts.
  const table = $("groups");
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = h("button", { type: "button" }, head.textContent);
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const isText = head.classList.contains("t");
      const down = head.hasAttribute("aria-sort") ? head.getAttribute("aria-sort") === "ascending" : !isText;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = (row) => row.cells[column].dataset.v ?? "";
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => {
        const [left, right] = [value(a), value(b)];
        if (left === "" || right === "") return (left === "") - (right === "");
        const order = isText ? left.localeCompare(right) : left - right;
        return down ? -order : order;
      });
      table.tBodies[0].append(...rows);
    });
  });
  for (const row of table.tBodies[0].rows) {
    if (row.dataset.group == null) continue;
    const index = +row.dataset.group;
    const cell = row.cells[0];
    const button = h("button", { type: "button" }, cell.textContent);
    cell.replaceChildren(button);
    button.addEventListener("click", () => {
      if (hasTime && !looks.has(index)) { show(index); draw(); }
      choose(index, null, true);
    });
  }
  const filter = $("filter");
  if (filter) {
    filter.hidden = groups.length < 8;
    filter.addEventListener("input", () => {
      const wanted = filter.value.trim().toLowerCase();
      for (const row of table.tBodies[0].rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    });
  }
  document.querySelectorAll("[data-key]").forEach((host) =>
    host.replaceChildren(...data.stack.map((id) => h("span", {}, [key(classes[id]), labels[id]]))));

  if (groups.length) {
    choose(0, null);
    draw();
    let width = innerWidth;
    addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; draw(); } });
  }
})();
