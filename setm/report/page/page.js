"use strict";
(async () => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const places = [...document.querySelectorAll("[data-figure]")];

  async function loadPlotly() {
    const packed = document.getElementById("plotly").textContent.trim();
    const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
  }

  function theme(isPrinted) {
    if (isPrinted) return { ink: "#1b1f24", line: "#d9dde3" };
    const style = getComputedStyle(document.documentElement);
    return { ink: style.getPropertyValue("--ink").trim(), line: style.getPropertyValue("--line").trim() };
  }

  function coloured(value, colours) {
    if (value === "@ink") return colours.ink;
    if (Array.isArray(value)) return value.map((part) => coloured(part, colours));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, coloured(part, colours)]));
    }
    return value;
  }

  function draw(place, isPrinted = false) {
    const figure = figures[place.dataset.figure];
    const option = figure.options[place.dataset.chosen];
    const colours = theme(isPrinted);
    const layout = coloured({ ...figure.layout, ...option.layout }, colours);
    for (const key of Object.keys(layout)) {
      if (/^[xy]axis/.test(key)) {
        layout[key] = { gridcolor: colours.line, linecolor: colours.line, zerolinecolor: colours.line, automargin: true, ...layout[key] };
      }
    }
    Object.assign(layout, {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: colours.ink },
      margin: { t: 30, r: 20, b: 60, l: 60 },
      height: figure.height,
      // The width of a page in landscape; the screen's own otherwise.
      width: isPrinted ? 1000 : undefined,
      autosize: !isPrinted,
      modebar: { bgcolor: "rgba(0,0,0,0)", color: colours.line, activecolor: colours.ink },
      hoverlabel: { font: { family: "inherit" } },
    });
    return Plotly.react(place, coloured(option.data, colours), layout, { displaylogo: false, responsive: true });
  }

  function addSelector(place) {
    const figure = figures[place.dataset.figure];
    place.dataset.chosen = figure.chosen;
    if (figure.options.length < 2) return;
    const bar = place.parentElement.querySelector(".bar");
    const select = document.createElement("select");
    select.setAttribute("aria-label", figure.selector);
    figure.options.forEach((option, index) => select.add(new Option(option.label, index)));
    select.selectedIndex = figure.chosen;
    const show = (index) => {
      select.selectedIndex = index;
      place.dataset.chosen = index;
      draw(place);
    };
    select.addEventListener("change", () => show(select.selectedIndex));
    const button = (text, label, step) => {
      const made = document.createElement("button");
      made.type = "button";
      made.textContent = text;
      made.setAttribute("aria-label", `${label} ${figure.selector}`);
      made.addEventListener("click", () => {
        const count = figure.options.length;
        show((select.selectedIndex + step + count) % count);
      });
      return made;
    };
    bar.prepend(button("◀", "previous", -1), select, button("▶", "next", 1));
  }

  if (!("DecompressionStream" in window)) {
    for (const place of places) place.textContent = "This browser is too old for the interactive plot; open its PNG file.";
    return;
  }
  await loadPlotly();
  places.forEach(addSelector);
  for (const place of places) await draw(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => places.forEach((place) => draw(place)));
  addEventListener("beforeprint", () => places.forEach((place) => draw(place, true)));
  addEventListener("afterprint", () => places.forEach((place) => draw(place)));
  document.documentElement.dataset.drawn = "yes";
})();
