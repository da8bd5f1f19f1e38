"""Reliability diagrams (SVG): what was said against what was so, before and after calibration."""

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

import calibrate  # noqa: E402

# No dates and no random ids: the same figures make the same file.
plt.rcParams.update({"svg.hashsalt": "undertone", "svg.fonttype": "none", "font.size": 9, "axes.spines.top": False,
                     "axes.spines.right": False})


def frame(title, x, y):
    figure, axes = plt.subplots(figsize=(4, 3.6), layout="constrained")
    axes.plot([0, 1], [0, 1], color="0.8", linewidth=1)
    axes.set(title=title, xlabel=x, ylabel=y, xlim=(0, 1), ylim=(0, 1), aspect="equal")
    return figure, axes


def save(figure, axes, path):
    axes.legend(frameon=False, loc="upper left")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def confidence(path, name, halves):
    """`halves`: what calibrate.by_halves returns."""
    figure, axes = frame(f"{name}: confidence and accuracy", "confidence", "accuracy")
    for when, colour, marker in (("before", "tab:orange", "s"), ("after", "tab:blue", "o")):
        _, said, was = zip(*calibrate.bins(*halves[when], adaptive=True))
        axes.plot(said, was, marker=marker, markersize=3.5, linewidth=1, color=colour,
                  label=f"{when}: ECE {calibrate.ece(*halves[when]):.3f}")
    save(figure, axes, path)


def weights(path, raw, weight, graded):
    figure, axes = frame("weight: said and graded", "said", "graded affect / 3, mean of the bin")
    for label, value, colour, marker in (("raw affect", raw, "tab:orange", "s"), ("weight", weight, "tab:blue", "o")):
        _, said, was = zip(*calibrate.bins(value, graded, adaptive=True))
        axes.plot(said, was, marker=marker, markersize=3.5, linewidth=1, color=colour, label=label)
    save(figure, axes, path)
