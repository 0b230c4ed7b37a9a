"""The figures as text."""
from __future__ import annotations

from benchmarks.figures import Figure, Peer, Report

_ELSEWHERE_MAX = 2  # peers shown in a line; the JSON and the page have all


def text(report: Report) -> str:
    parts = [_counted(report)]
    if report.timed:
        parts.append(_timed(report.timed))
    missing = [figure.name for figure in report.counted if figure.value is None]
    if missing:
        parts.append("not measured: " + "; ".join(missing) + "\n")
    return "\n".join(parts)


def _counted(report: Report) -> str:
    lines = [("guest instructions (icount), one CPU", "Portico", "reach", "met", "Linux, here", "measured elsewhere")]
    for figure in report.counted:
        lines.append((figure.name, _value(figure), _number(figure.reach), {None: "", True: "yes", False: "no"}[figure.met],
                      _peers([peer for peer in figure.peers if peer.here]), _peers([peer for peer in figure.peers if not peer.here])))
    overhead = report.overhead
    note = ""
    if overhead:
        note = (f"subtracted: {overhead.get('overhead_readings', 0):.0f} instructions for the two readings around a batch, "
                f"{overhead.get('overhead_operation', 0):.0f} for each round of its loop\n")
    return aligned(lines) + note


def _timed(figures: list[Figure]) -> str:
    counts = sorted({figure.cpus for figure in figures})
    by_place = {(figure.row, figure.cpus): figure for figure in figures}
    lines = [("nanoseconds", *(f"Portico, {cpus} CPU{'s' if cpus > 1 else ''}" for cpus in counts),
              *(f"Linux, {cpus} CPU{'s' if cpus > 1 else ''}" for cpus in counts))]
    for row in dict.fromkeys(figure.row for figure in figures):
        cells = [by_place.get((row, cpus)) for cpus in counts]
        name = next(figure.name for figure in cells if figure)
        lines.append((name, *(_number(figure.value) if figure else "" for figure in cells),
                      *(_peers([peer for peer in figure.peers if peer.here]) if figure else "" for figure in cells)))
    return aligned(lines)


def aligned(lines: list[tuple]) -> str:
    """Columns of text; the ones that hold numbers are set to the right, as is their heading."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    numeric = [i > 0 and all(not line[i] or line[i][0].isdigit() for line in lines[1:]) and any(line[i] for line in lines[1:])
               for i in range(len(lines[0]))]
    shown = []
    for line in lines:
        cells = [cell.rjust(width) if right else cell.ljust(width) for cell, width, right in zip(line, widths, numeric)]
        shown.append("  ".join(cells).rstrip() + "\n")
    return "".join([shown[0], "-" * (sum(widths) + 2 * len(widths) - 2) + "\n", *shown[1:]])


def _value(figure: Figure) -> str:
    if figure.value is None:
        return figure.absent or "not measured"
    return _number(figure.value) + (" B" if figure.unit == "bytes" else "")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _peers(peers: list[Peer]) -> str:
    more = f"; {len(peers) - _ELSEWHERE_MAX} more" if len(peers) > _ELSEWHERE_MAX else ""
    return "; ".join(f"{peer.name} {_number(peer.value)}" for peer in peers[:_ELSEWHERE_MAX]) + more
