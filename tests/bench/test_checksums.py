from __future__ import annotations

from pathlib import Path

import pytest

from bench.checksums import checksum, code_checksum, octave_code, values_checksum
from bench.errors import BenchError


def test_a_file_its_bytes_and_its_text_have_one_checksum(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("⊗")
    assert checksum(path) == checksum("⊗".encode()) == checksum("⊗")
    path.write_text("other")
    assert checksum(path) == checksum("other")
    with pytest.raises(BenchError, match=r"gone\.txt cannot be read"):
        checksum(tmp_path / "gone.txt")


def test_settings_are_what_their_values_are(tmp_path: Path) -> None:
    texts = [
        "# why\n[a]\nx = 1.0\ny = 2\n",
        "[a]\ny    = 2  # two\nx = 1e0\n",
        "[a]\nx = 1.5\ny = 2\n",
    ]
    found = []
    for text in texts:
        (tmp_path / "s.toml").write_text(text)
        found.append(values_checksum(tmp_path / "s.toml"))
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x = 1;  % one\n\n  # all\ny = 2;   \n", "x = 1;\ny = 2;"),
        ("%{\nlong\n%}\nz = 3;\n", "z = 3;"),
        ("a = b' * c';  % not a text", "a = b' * c';"),
        ("s = '50 % of it';", "s = '50 % of it';"),
        ('s = "it\'s \\"#1\\"";  # said', 's = "it\'s \\"#1\\"";'),
        ("t = x(1)' + [y'; 'a%b'];", "t = x(1)' + [y'; 'a%b'];"),
    ],
)
def test_octave_code_is_what_octave_reads(text: str, code: str) -> None:
    assert octave_code(text) == code


def test_only_comments_of_the_shipped_functions_are_left_out(tmp_path: Path) -> None:
    import bench.methods.engineered.octave_prior as priors

    for path in priors.FOLDER.glob("*.m"):
        text = path.read_text(encoding="utf-8")
        kept = octave_code(text)
        for line in text.splitlines():
            code = line.partition("%")[0].rstrip() if "'" not in line and '"' not in line else ""
            assert code in kept, (path.name, line)
        (tmp_path / path.name).write_text(f"% new words\n{kept}\n\n")
        assert code_checksum(tmp_path / path.name) == code_checksum(path)
