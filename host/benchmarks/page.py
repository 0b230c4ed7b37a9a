"""The figures as a page with plots: one file that fetches nothing."""
from __future__ import annotations

from html import escape

from benchmarks import plots, table
from benchmarks.figures import Figure, Report

_OURS, _HERE, _ELSEWHERE = plots.COLOURS[0], plots.COLOURS[1], "#9ca3af"
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 62em; padding: 0 1em; color: #1f2937; }
table { border-collapse: collapse; } th, td { padding: .2em .7em; text-align: right; border-bottom: 1px solid #e5e7eb; }
th:first-child, td:first-child { text-align: left; } .yes { color: #047857; } .no { color: #b91c1c; }
h3 { margin: 1.6em 0 .3em; font-size: 1em; } svg { max-width: 100%; height: auto; } svg text { font-size: 12px; fill: #374151; }
.axis { stroke: #374151; fill: none; } .grid { stroke: #e5e7eb; } .reach { stroke: #b91c1c; stroke-width: 2; stroke-dasharray: 4 3; }
"""


def html(report: Report, title: str, about: str) -> str:
    parts = [f"<h1>Portico: {escape(title)}</h1><p>{escape(about)}</p>",
             f'<p><span style="color:{_OURS}">■</span> Portico <span style="color:{_HERE}">■</span> Linux, measured beside it '
             f'<span style="color:{_ELSEWHERE}">■</span> measured elsewhere <span style="color:#b91c1c">┆</span> reach</p>',
             "<h2>Instructions and memory</h2>", _summary(report.counted), *(_bars(figure) for figure in report.counted)]
    for heading, figures in (("Time", report.timed), ("The same Linux program on both", report.same_program)):
        if any(figure.value is not None for figure in figures):
            parts += [f"<h2>{heading}</h2>", *(_bars(figure) for figure in figures)]
    parts += _curves(report)
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Portico: {escape(title)}</title><style>{_STYLE}</style></head>\n'
            f'<body>{"".join(f"{part}{chr(10)}" for part in parts)}</body></html>\n')


def _summary(figures: list[Figure]) -> str:
    lines = ["<table><tr><th>row</th><th>Portico</th><th>reach</th><th>met</th><th>peer</th></tr>"]
    for figure in figures:
        met = {None: "", True: '<span class="yes">yes</span>', False: '<span class="no">no</span>'}[figure.met]
        value = escape(table.value(figure))
        peer = f"{escape(figure.peer.name)} {table.number(figure.peer.value)}" if figure.peer else ""
        lines.append(f"<tr><td>{escape(figure.name)}</td><td>{value}</td><td>{table.number(figure.reach)}</td><td>{met}</td><td>{peer}</td></tr>")
    return "\n".join(lines) + "</table>"


def _bars(figure: Figure) -> str:
    if figure.value is None:
        return ""
    items = [("Portico", figure.value, _OURS), *((f"{peer.name}", peer.value, _HERE if peer.here else _ELSEWHERE) for peer in figure.peers)]
    where = "" if figure.unit == "bytes" else f", {figure.cpus} CPU{'s' if figure.cpus > 1 else ''}"
    return f"<h3>{escape(figure.name)} ({escape(figure.unit)}{where})</h3>{plots.bars(items, figure.reach)}"


def _curves(report: Report) -> list[str]:
    parts = []
    for name, unit, cpus in dict.fromkeys((curve.plot, curve.unit, curve.cpus) for curve in report.curves):
        plot = report.plots.get(name, {"name": name, "x": "", "logarithmic": False})
        series = [(curve.series, curve.x, curve.y) for curve in report.curves if (curve.plot, curve.unit, curve.cpus) == (name, unit, cpus)]
        parts.append(f"<h3>{escape(plot['name'])} ({cpus} CPU{'s' if cpus > 1 else ''})</h3>"
                     + plots.curves(series, plot["x"], unit, logarithmic=plot["logarithmic"]))
    return ["<h2>Curves</h2>", *parts] if parts else []
