// Downloads: the files lie in this page, compressed.

const downloadStatus = document.getElementById("download-status");

async function download(name) {
  const blob = await unpack(data.files.find((candidate) => candidate.name === name).gzip);
  const link = make("a", {
    href: URL.createObjectURL(new Blob([blob], { type: "text/csv" })),
    download: name,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  downloadStatus.textContent = `${name}: ${(blob.size / 1024).toFixed(0)} KiB.`;
}

for (const button of document.querySelectorAll("button.download")) {
  button.addEventListener("click", () => download(button.dataset.file));
}
