"""Names of the project's own datasets, in the order tables show them."""

CATALOG: dict[str, str] = {
    "svhn": "bench.datasets.paper:SVHN",
    "shoes": "bench.datasets.paper:Shoes",
    "celeba": "bench.datasets.paper:CelebA",
    "pggan": "bench.datasets.paper:PGGAN",
    "pggan-padded": "bench.datasets.paper:PublishedPGGAN",
    "faces128": "bench.datasets.faces:Faces128",
    "levin": "bench.datasets.levin:Levin",
    "lai": "bench.datasets.lai:Lai",
    "lai-real": "bench.datasets.lai:LaiReal",
    "text": "bench.datasets.text:Text",
    "bsd68-levin": "bench.datasets.bsd68:BSD68Levin",
    "bsd68-motion": "bench.datasets.bsd68:BSD68Motion",
    "photos": "bench.datasets.photos:Photos",
    "svhn-range": "bench.datasets.generated:SVHNRange",
    "shoes-range": "bench.datasets.generated:ShoesRange",
    "celeba-range": "bench.datasets.generated:CelebARange",
    "svhn-samples": "bench.datasets.generated:SVHNSamples",
    "shoes-samples": "bench.datasets.generated:ShoesSamples",
    "celeba-samples": "bench.datasets.generated:CelebASamples",
    "pggan-samples": "bench.datasets.generated:PGGANSamples",
    "svhn-val": "bench.datasets.development:SVHNDevelopment",
    "shoes-val": "bench.datasets.development:ShoesDevelopment",
    "celeba-val": "bench.datasets.development:CelebADevelopment",
    "faces128-val": "bench.datasets.faces:Faces128Development",
    "photos-val": "bench.datasets.development:PhotosDevelopment",
    "shaken-photos-val": "bench.datasets.shaken_photos:ShakenPhotosDevelopment",
    "rendered-text-val": "bench.datasets.rendered_text:RenderedTextDevelopment",
    "large-rendered-text-val": "bench.datasets.rendered_text:LargeRenderedTextDevelopment",
    "soft-photos-val": "bench.datasets.shaken_photos:SoftPhotosDevelopment",
    "trembling-photos-val": "bench.datasets.shaken_photos:TremblingPhotosDevelopment",
    "whole-photos-val": "bench.datasets.whole_photos:WholePhotosDevelopment",
}

SCHEMES: dict[str, str] = {"folder": "bench.datasets.folder:folder_dataset"}
"""Kinds of name ``KIND:PLACE`` that stand for a data set of the user's own, and what opens them."""
