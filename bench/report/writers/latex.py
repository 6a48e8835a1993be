"""Tables in LaTeX with booktabs, one tabular per table."""

from __future__ import annotations

import itertools

from bench.report.layout import Table

SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--",
    "∞": r"$\infty$", "≥": r"$\geq$", "↑": r"$\uparrow$", "↓": r"$\downarrow$",
}  # fmt: skip


def protect(text: str) -> str:
    """Write a text so that LaTeX prints it as it is.

    Examples
    --------
    >>> protect("10 % of a_b")
    '10 \\\\% of a\\\\_b'
    """
    return "".join(SPECIAL.get(letter, letter) for letter in text)


def write(table: Table) -> str:
    """Write a table: methods down, spans across, bold for the leading group."""
    heads = ["", *(protect(column.heading) for column in table.columns)]
    spans = [
        rf"\multicolumn{{{len(list(group))}}}{{c}}{{{protect(span)}}}"
        for span, group in itertools.groupby(column.span for column in table.columns)
    ]
    lines = [
        r"% Needs \usepackage{booktabs}; made by 'python -m bench report'.",
        rf"\begin{{tabular}}{{l{'r' * len(table.columns)}}}",
        r"\toprule",
        *([" & ".join(["", *spans]) + r" \\"] if any(c.span for c in table.columns) else []),
        " & ".join(heads) + r" \\",
    ]
    for _, group in itertools.groupby(table.lines, key=lambda line: line.kind):
        lines.append(r"\midrule")
        for line in group:
            name = f"{line.name} ({line.label})" if line.name else line.label
            cells = [protect(name)]
            for entry in line.entries:
                text = protect(entry.text)
                cells.append(rf"\textbf{{{text}}}" if entry.bold else text)
            lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"
