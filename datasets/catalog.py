"""Names of the project's own datasets, in the order tables show them."""

CATALOG: dict[str, str] = {
    "svhn": "datasets.paper:SVHN",
    "shoes": "datasets.paper:Shoes",
    "celeba": "datasets.paper:CelebA",
    "pggan": "datasets.paper:PGGAN",
    "levin": "datasets.levin:Levin",
    "photos": "datasets.photos:Photos",
    "svhn-range": "datasets.generated:SVHNRange",
    "shoes-range": "datasets.generated:ShoesRange",
    "celeba-range": "datasets.generated:CelebARange",
    "svhn-samples": "datasets.generated:SVHNSamples",
    "shoes-samples": "datasets.generated:ShoesSamples",
    "celeba-samples": "datasets.generated:CelebASamples",
    "svhn-val": "datasets.development:SVHNDevelopment",
    "shoes-val": "datasets.development:ShoesDevelopment",
    "celeba-val": "datasets.development:CelebADevelopment",
    "photos-val": "datasets.development:PhotosDevelopment",
}
