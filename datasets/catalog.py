"""Names of the project's own datasets, in the order tables show them."""

CATALOG: dict[str, str] = {
    "svhn": "datasets.paper:SVHN",
    "shoes": "datasets.paper:Shoes",
    "celeba": "datasets.paper:CelebA",
    "pggan": "datasets.paper:PGGAN",
    "levin": "datasets.levin:Levin",
    "photos": "datasets.photos:Photos",
}
