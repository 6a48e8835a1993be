"""A description of exported observations in Croissant, the vocabulary for machine-learning data.

References
----------
M. Akhtar et al., "Croissant: A Metadata Format for ML-Ready Datasets", NeurIPS Datasets and
Benchmarks 2024; the specification is http://mlcommons.org/croissant/1.0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

DESCRIPTION = "croissant.json"
_TERMS = (
    "citeAs column equivalentProperty extract field fileObject fileProperty fileSet format "
    "includes isLiveDataset jsonPath key md5 parentField path recordSet references regex "
    "repeated replace samplingRate separator source subField transform"
)
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS.split()},
}
"""The standard context of Croissant 1.0."""
PAPER = "Asim, Shamshad, Ahmed, arXiv:1908.07404"
FIELDS = {
    "name": ("sc:Text", "Name of the image in the data set."),
    "file": ("sc:Text", "The observation, a 16-bit PNG; divide by 65535 for [0, 1]."),
    "sha256": ("sc:Text", "Checksum of the file."),
    "kernel_height": ("sc:Integer", "Rows of the blur kernel's support, in pixels."),
    "kernel_width": ("sc:Integer", "Columns of the blur kernel's support, in pixels."),
}
"""Type and description of what a record says of an observation."""
LICENSE = "Those of the images that were blurred; the published test sets are for research only."


def describe(manifest: Mapping[str, Any], written: str, published: str) -> dict[str, Any]:
    """Describe exported observations.

    Parameters
    ----------
    manifest : Mapping
        As :func:`bench.harness.exchange.export` writes it.
    written : str
        The manifest's text, for its checksum.
    published : str
        The date, ``YYYY-MM-DD``.

    Returns
    -------
    dict
        To be written as JSON-LD next to the manifest. A record is an observation: its name, its
        file with the checksum, and the size of the kernel that methods are told.
    """
    name = f"{manifest['dataset']}-observations"
    entries = manifest["images"]
    files = [
        _file(
            "manifest",
            "manifest.json",
            "application/json",
            hashlib.sha256(written.encode()).hexdigest(),
        )
    ]
    files += [
        _file(f"image-{key}", entry["file"], "image/png", entry["sha256"])
        for key, entry in entries.items()
    ]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": name,
        "description": (
            f"Blurred observations of the data set {manifest['dataset']} for blind image "
            f"deconvolution: {manifest['forward_model']}. Condition: {manifest['condition']}."
        ),
        "citeAs": PAPER,
        "license": LICENSE,
        "version": _semantic(str(manifest["dataset_version"])),
        "datePublished": published,
        "distribution": files,
        "recordSet": [_records(entries)],
    }


def _records(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the observations as records, one each."""
    return {
        "@type": "cr:RecordSet",
        "@id": "observations",
        "name": "observations",
        "key": {"@id": "observations/name"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"observations/{field}",
                "name": f"observations/{field}",
                "description": text,
                "dataType": kind,
            }
            for field, (kind, text) in FIELDS.items()
        ],
        "data": [
            {
                "observations/name": key,
                "observations/file": entry["file"],
                "observations/sha256": entry["sha256"],
                "observations/kernel_height": entry["kernel_size"][0],
                "observations/kernel_width": entry["kernel_size"][1],
            }
            for key, entry in entries.items()
        ],
    }


def _file(identifier: str, url: str, kind: str, sha256: str) -> dict[str, str]:
    return {
        "@type": "cr:FileObject",
        "@id": identifier,
        "name": identifier,
        "contentUrl": url,
        "encodingFormat": kind,
        "sha256": sha256,
    }


def _semantic(version: str) -> str:
    """Croissant wants MAJOR.MINOR.PATCH; a data set here has one number, or a checksum."""
    return f"{version}.0.0" if version.isdigit() else f"1.0.0+{version}"
