// Downloads: the files lie in this page, compressed.

const downloadStatus = document.getElementById("download-status");

async function download(name) {
  const file = data.files.find((candidate) => candidate.name === name);
  const bytes = Uint8Array.from(atob(file.gzip), (letter) => letter.charCodeAt(0));
  const packed = new Blob([bytes]);
  const canUnpack = "DecompressionStream" in window;
  const stream = canUnpack && packed.stream().pipeThrough(new DecompressionStream("gzip"));
  const blob = canUnpack ? await new Response(stream).blob() : packed;
  const link = make("a", {
    href: URL.createObjectURL(new Blob([blob], { type: canUnpack ? "text/csv" : "application/gzip" })),
    download: canUnpack ? name : `${name}.gz`,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  downloadStatus.textContent = `${link.download}: ${(blob.size / 1024).toFixed(0)} KiB.`;
}

for (const button of document.querySelectorAll("button.download")) {
  button.addEventListener("click", () => download(button.dataset.file));
}
