"use strict";
// Draws every chart of the page in the colours of the page, and again when these change.
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const charts = [...document.querySelectorAll(".chart")];

  const template = (print) => {
    const isDark = dark.matches && !print;
    const text = isDark ? "#c3cad2" : "#32383f";
    const line = isDark ? "#363c45" : "#d8dee4";
    const axis = { gridcolor: line, linecolor: line, zerolinecolor: line, tickcolor: line };
    return {
      layout: {
        font: { color: text, size: 12, family: getComputedStyle(document.body).fontFamily },
        paper_bgcolor: "rgba(0,0,0,0)",
        plot_bgcolor: "rgba(0,0,0,0)",
        xaxis: axis,
        yaxis: axis,
        hoverlabel: { bgcolor: isDark ? "#2c323a" : "#ffffff", font: { color: text } },
        modebar: { bgcolor: "rgba(0,0,0,0)", color: line, activecolor: text },
      },
    };
  };

  // Small panels have no room for buttons; a double click resets the view everywhere.
  const config = (chart) => ({
    displaylogo: false,
    displayModeBar: chart.clientWidth < 600 ? false : "hover",
    modeBarButtons: [["toImage", "resetScale2d"]],
  });
  // Also sees what no window event tells: an unfolded box, a window that was resized while loading.
  const resized = new ResizeObserver((entries) => {
    for (const { target } of entries) if (target.clientWidth > 0 && target.data) Plotly.Plots.resize(target);
  });
  for (const chart of charts) {
    const script = chart.querySelector("script");
    const spec = JSON.parse(script.textContent);
    spec.layout.template = template(false);
    spec.layout.autosize = true;
    Plotly.newPlot(chart, spec.data, spec.layout, config(chart));
    resized.observe(chart);
  }

  const redraw = (print) => {
    for (const chart of charts) {
      Plotly.relayout(chart, { template: template(print) });
      Plotly.Plots.resize(chart);
    }
  };
  dark.addEventListener("change", () => redraw(false));

  // Paper is light and cannot be unfolded.
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const details of folded) details.open = true;
    redraw(true);
  });
  window.addEventListener("afterprint", () => {
    for (const details of folded) details.open = false;
    redraw(false);
  });
})();
