"""Names of the project's own datasets, in the order tables show them."""

CATALOG: dict[str, str] = {
    "svhn": "bench.datasets.paper:SVHN",
    "shoes": "bench.datasets.paper:Shoes",
    "celeba": "bench.datasets.paper:CelebA",
    "pggan": "bench.datasets.paper:PGGAN",
    "levin": "bench.datasets.levin:Levin",
    "photos": "bench.datasets.photos:Photos",
    "svhn-range": "bench.datasets.generated:SVHNRange",
    "shoes-range": "bench.datasets.generated:ShoesRange",
    "celeba-range": "bench.datasets.generated:CelebARange",
    "svhn-samples": "bench.datasets.generated:SVHNSamples",
    "shoes-samples": "bench.datasets.generated:ShoesSamples",
    "celeba-samples": "bench.datasets.generated:CelebASamples",
    "svhn-val": "bench.datasets.development:SVHNDevelopment",
    "shoes-val": "bench.datasets.development:ShoesDevelopment",
    "celeba-val": "bench.datasets.development:CelebADevelopment",
    "photos-val": "bench.datasets.development:PhotosDevelopment",
}
