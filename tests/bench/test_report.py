"""The reports: what is bold, what is withheld, and that they say the same twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.errors import BenchError
from bench.harness.columns import columns
from bench.report import build, details, paper, ratios
from bench.report.paper import claims, ledger, pggan, readme, table1
from bench.report.paper.record import CONDITION, TEST_SETS, Record
from bench.report.summary import summarise

LEVELS = {"blurry": 20.0, "dp": 22.0, "dd": 24.0, "dds": 26.0, "unet": 25.95, "known-kernel": 30.0}
IMAGES = 40


def scores() -> pd.DataFrame:
    draw = np.random.default_rng(0)
    rows = []
    for dataset in TEST_SETS:
        difficulty = draw.normal(0, 2, IMAGES)
        for method, level in LEVELS.items():
            for image in range(IMAGES):
                psnr = level + difficulty[image] + draw.normal(0, 0.2)
                rows.append(
                    {
                        "dataset": dataset,
                        "condition": CONDITION,
                        "method": method,
                        "kind": "oracle" if method == "known-kernel" else "method",
                        "image": f"{image:03d}",
                        "kernel_id": f"k{image}",
                        "noise": 0.01,
                        "kernel_spread": 1.0 + image,
                        "seed": 0,
                        "psnr": psnr,
                        "ssim": psnr / 40,
                        "status": "ok",
                        "origin": "bench",
                    }
                )
    return pd.DataFrame(rows, columns=columns())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    scores().to_csv(tmp_path / "scores.csv", index=False)
    return tmp_path


def test_the_leading_group_is_what_is_not_significantly_behind(folder: Path) -> None:
    table = table1.tidy(Record(folder))
    leading = table[table["leading"].eq(True)].groupby("dataset")["column"].apply(set)
    assert all(found == {"DDS", "U-Net"} for found in leading)  # 0.05 dB is within the margin
    oracle = table[table["column"] == "known kernel, TV"]
    assert oracle["psnr"].mean() > 29
    assert oracle["leading"].isna().all()
    behind = table[(table["column"] == "DD") & (table["dataset"] == "svhn")].iloc[0]
    assert behind["behind"] == pytest.approx(2.0, abs=0.15)
    assert behind["p_holm"] < 0.05


def test_a_mean_over_missing_images_is_withheld(folder: Path) -> None:
    frame = scores()
    lost = (frame["dataset"] == "shoes") & (frame["method"] == "dds") & (frame["image"] == "003")
    frame.loc[lost, "status"] = "failed"
    frame.to_csv(folder / "scores.csv", index=False)
    text = table1.markdown(Record(folder))
    assert f"{IMAGES - 1}/{IMAGES}" in text


def test_tables_hold_every_column_of_the_paper(folder: Path) -> None:
    record = Record(folder)
    markdown, latex = table1.markdown(record), table1.latex(record)
    for column in ("EP", "DF", "OH", "DP", "DeblurGAN", "CNN", "DD", "DDS", "range"):
        assert f" {column} " in markdown
        assert f"({column}) & " in latex
    assert latex.count(r"\textbf") == 6
    assert "- DP: Dark channel prior (dp)" in markdown
    assert table1.markdown(Record(folder)) == markdown


def test_the_ledger_gives_printed_ours_and_a_verdict(folder: Path) -> None:
    record = Record(folder)
    text = ledger.markdown(record)
    lines = [line for line in text.splitlines() if line.startswith("| CelebA") and "DDS" in line]
    assert "26.60" in lines[0]
    line = next(li for li in text.splitlines() if "SVHN" in li and "| DD " in li and "PSNR" in li)
    assert "24.47" in line
    assert "lower" in line
    assert "not measured" in text  # the columns that this record lacks


def test_claims_are_tested_by_pairs(folder: Path) -> None:
    text = claims.markdown(Record(folder))
    line = next(li for li in text.splitlines() if "CelebA" in li and "DDS above DP" in li)
    assert "< 0.0001" in line
    assert "holds" in line
    assert "Not measured yet." in text


def test_priors_are_compared_with_their_core(folder: Path) -> None:
    frame = scores()
    prior = frame[(frame["dataset"] == "shoes") & (frame["method"] == "dp")].reset_index(drop=True)
    swing = 0.3 * (-1.0) ** prior.index  # no sure sign over the images
    others = {"ep": 0.5 + swing, "oh": swing, "df": 0.0 * swing, "l0": 0.0 * swing}
    rows = [prior.assign(method=name, psnr=25 + by) for name, by in others.items()]
    rows.append(prior.assign(psnr=24.5 + swing))
    pd.concat([frame[frame["dataset"] != "shoes"], *rows]).to_csv(
        folder / "scores.csv", index=False
    )
    text = claims.markdown(Record(folder)).partition("## What each engineered prior")[2]
    verdicts = {
        method: next(li for li in text.splitlines() if "Shoes" in li and f"({method})" in li)
        for method in ("dp", "ep", "oh", "df")
    }
    assert "takes away" in verdicts["dp"]
    assert "adds" in verdicts["ep"]
    assert "not shown" in verdicts["oh"]
    assert "equals `l0`" in verdicts["df"]
    assert "not measured" in next(li for li in text.splitlines() if "CelebA" in li and "(dp)" in li)


def test_a_sweep_claim_is_about_all_rivals_and_only_its_own_images(folder: Path) -> None:
    frame = scores()
    frame = frame[frame["dataset"] == "celeba"].assign(
        condition="noise 0.01, blur length 12, seed 0"
    )
    ranges = frame[frame["method"] == "dd"].assign(dataset="celeba-range", psnr=45.0)
    sweep = folder / "sweeps" / "blur-length"
    sweep.mkdir(parents=True)
    pd.concat([frame, ranges]).to_csv(sweep / "scores.csv", index=False)

    def line() -> str:
        text = claims.markdown(Record(folder)).partition("## DDS")[2]
        return next(found for found in text.splitlines() if found.startswith("| CelebA | 12 "))

    assert "holds" in line()  # range images, above everything, are no rival
    frame.loc[frame["method"] == "dp", "psnr"] = 40.0
    frame.to_csv(sweep / "scores.csv", index=False)
    assert "(dp) 40.00" in line()
    assert "reversed" in line()


def test_details_count_failures_and_strata(folder: Path) -> None:
    frame = scores()
    worst = (frame["method"] == "dp") & (frame["image"] < "010")
    frame.loc[worst, "psnr"] = 5.0
    frame.to_csv(folder / "scores.csv", index=False)
    text = details.markdown(frame, summarise(frame))
    line = next(li for li in text.splitlines() if li.startswith("| Dark channel prior (dp) "))
    assert "25 %" in line


def test_details_of_two_images_have_no_thirds() -> None:
    few = scores()
    few = few[few["image"] < "002"]
    text = details.markdown(few, summarise(few))
    assert "Dark channel prior (dp)" in text
    assert "small kernels" not in text


def test_error_ratio_curves_count_failures_as_never_reached(folder: Path) -> None:
    frame = scores()
    frame["error_ratio"] = 10 ** ((30 - frame["psnr"]) / 10)
    frame.loc[(frame["method"] == "dp") & (frame["image"] < "010"), "error_ratio"] = np.nan
    frame.to_csv(folder / "scores.csv", index=False)
    views = [*summarise(frame).views]
    paths = ratios.write(frame, views, folder)
    assert [path.suffix for path in paths] == [".png", ".svg", ".pdf"]
    drawing = paths[1].read_text()
    assert "known-kernel" not in drawing  # an oracle's own ratio is one
    assert "Dark channel prior (dp)" in drawing
    view = next(view for view in views if view.dataset == "svhn")
    curve = ratios.curves(frame, view)["dp"]
    assert len(curve) == IMAGES
    assert np.isinf(curve[-10:]).all()


def test_a_folder_without_test_sets_is_refused(tmp_path: Path) -> None:
    svhn = scores().query("dataset == 'svhn'")
    svhn.assign(dataset="photos").to_csv(tmp_path / "scores.csv", index=False)
    with pytest.raises(BenchError, match="has no scores on svhn, shoes, celeba"):
        _ = Record(tmp_path).frame


def test_the_readme_keeps_its_words_and_gains_the_table(folder: Path) -> None:
    record = Record(folder)
    path = folder / "README.md"
    assert not readme.refresh(path, record)
    path.write_text(f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n")
    assert readme.refresh(path, record)
    text = path.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert "| Deep Deblur with slack (`dds`) " in text
    path.write_text("no markers")
    with pytest.raises(BenchError, match="put the markers"):
        readme.refresh(path, record)


def test_a_report_holds_what_the_run_holds_whoever_made_it(folder: Path, tmp_path: Path) -> None:
    frame = scores()
    theirs = frame[frame["method"] == "dds"].assign(method="theirs", origin="A. Author, MATLAB")
    theirs["psnr"] += 1
    photos = frame[frame["dataset"] == "svhn"].assign(dataset="my-photos")
    noisy = frame[frame["dataset"] == "shoes"].assign(
        condition="noise 0.04, seed 0", noise=0.04, psnr=frame["psnr"] - 2
    )
    pd.concat([frame, theirs, photos, noisy]).to_csv(folder / "scores.csv", index=False)
    paths = {path.name: path for path in build.build(folder, tmp_path / "reports")}
    assert {"table.md", "table.csv", "table.tex", "details.md", "noise.pdf", "index.html"} <= {
        *paths
    }
    for name in ("table.md", "table.tex", "details.md", "index.html"):
        text = paths[name].read_text()
        assert "theirs" in text, name
        assert "my-photos" in text, name
        assert "Deep Deblur with slack" in text, name
    line = next(li for li in paths["table.md"].read_text().splitlines() if "`theirs`" in li)
    assert line.count("**") == 2 * 3  # it leads on the three sets that it has
    assert r"\textbf{2" in paths["table.tex"].read_text()
    photos.to_csv(folder / "scores.csv", index=False)
    with pytest.raises(BenchError, match="has no scores on"):
        list(paper.build(folder, tmp_path / "paper"))


def test_the_experiment_at_128_pixels_has_a_table_of_its_own(folder: Path) -> None:
    assert pggan.markdown(Record(folder)) is None
    large = scores().replace({"dataset": {"svhn": "pggan-samples", "shoes": "faces128"}})
    large.to_csv(folder / "scores.csv", index=False)
    text = pggan.markdown(Record(folder))
    assert text is not None
    (line,) = [line for line in text.splitlines() if "`dds`" in line]
    assert line.count("**") == 2  # it leads on faces128; on samples of its own none is claimed
    assert "procedure" not in text
    theirs = large[(large["method"] == "dd") & (large["dataset"] == "faces128")]
    (folder.parent / "published").mkdir()
    theirs.assign(method=pggan.PROCEDURE).to_csv(
        folder.parent / "published" / "scores.csv", index=False
    )
    text = pggan.markdown(Record(folder))
    assert text is not None
    assert f"faces128: {theirs['psnr'].mean():.2f} dB (n = {len(theirs)})" in text
