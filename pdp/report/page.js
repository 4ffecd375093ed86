{ // a block: the bundle's own names are globals of the page
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const tip = document.getElementById("tip");
  const views = new Map();
  let shown = null; // the period that a button chose: days before the last, null for all

  // The charts' own tooltip: text only, at the pointer, inside the window.
  const tooltip = (handler, event, item, value) => {
    if (!value) { tip.hidden = true; return; }
    tip.replaceChildren(...Object.entries(value).flatMap(([name, text]) => {
      const [term, said] = [document.createElement("dt"), document.createElement("dd")];
      term.textContent = name;
      said.textContent = text;
      return [term, said];
    }));
    tip.hidden = false;
    const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = `${Math.max(8, Math.min(event.clientX + 14, room))}px`;
    tip.style.top = `${event.clientY + 16 + tip.offsetHeight > window.innerHeight ? event.clientY - tip.offsetHeight - 12 : event.clientY + 16}px`;
  };

  const sized = (spec, width) => {
    const made = structuredClone(spec);
    if (made.vconcat) {
      for (const part of made.vconcat) part.width = width - 80;
    } else {
      made.width = width;
      made.autosize = { type: "fit-x", contains: "padding" };
    }
    return made;
  };

  const chosen = (spec, days) => {
    const brush = (spec.params || []).find((param) => param.name === "period");
    if (brush && days) {
      const last = Date.parse(charts.last) + 86400000;
      brush.value = { x: [last - days * 86400000, last] };
    }
    return spec;
  };

  const draw = async (figure) => {
    const target = figure.querySelector(".chart");
    const spec = chosen(sized(charts.specs[figure.id], target.clientWidth), shown);
    spec.config = dark.matches ? charts.dark : charts.light;
    views.get(figure.id)?.finalize();
    // ast: expressions are interpreted, so that the page needs no right to evaluate text as code
    views.set(figure.id, await vegaEmbed(target, spec, { actions: false, ast: true, defaultStyle: false, renderer: "canvas", tooltip }));
    figure.dataset.drawn = "yes";
  };

  const figures = [...document.querySelectorAll("figure[id]")];
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting && !entry.target.dataset.drawn) draw(entry.target);
    }
  }, { rootMargin: "300px" });
  const again = () => {
    tip.hidden = true;
    for (const figure of figures) if (figure.dataset.drawn) draw(figure);
  };
  for (const figure of figures) seen.observe(figure);
  dark.addEventListener("change", again);
  window.addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });
  window.addEventListener("beforeprint", () => { for (const figure of figures) if (!figure.dataset.drawn) draw(figure); });
  let width = window.innerWidth;
  window.addEventListener("resize", lodashDebounce(() => {
    if (window.innerWidth !== width) { width = window.innerWidth; again(); }
  }, 150));
  for (const button of document.querySelectorAll("button[data-days]")) {
    button.addEventListener("click", () => {
      shown = Number(button.dataset.days);
      for (const other of document.querySelectorAll("button[data-days]")) other.setAttribute("aria-pressed", other === button);
      draw(document.getElementById("blood-pressure"));
    });
  }
}
