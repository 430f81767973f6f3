// Names each cell after its column, since narrow.css leaves the heads of tables out on a narrow screen. With two columns
// it is plain which is which.

for (const table of document.querySelectorAll("article table.docutils")) {
  const titles = [...table.querySelectorAll("thead th")].map((one) => one.textContent.trim());
  for (const row of table.tBodies[0]?.rows ?? []) {
    [...row.cells].forEach((cell, index) => {
      if (index && titles.length > 2 && cell.textContent.trim()) cell.dataset.title = titles[index];
    });
  }
}
