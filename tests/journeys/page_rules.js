// What every page keeps to, as a list of sentences about what breaks it. Run in the page.
() => {
  const broken = [];
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const seen = new Map();
  const rgba = (colour) => {
    if (!seen.has(colour)) seen.set(colour, drawn(colour));
    return seen.get(colour);
  };
  const drawn = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const over = (top, under) => under.map((value, at) => top[at] * top[3] + value * (1 - top[3]));
  const luminance = (colour) => {
    const [red, green, blue] = colour.slice(0, 3).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one, other) => {
    const [lighter, darker] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (lighter + 0.05) / (darker + 0.05);
  };
  const ground = (element) => {
    const grounds = [];
    for (let at = element; at; at = at.parentElement) grounds.push(rgba(getComputedStyle(at).backgroundColor));
    return grounds.reverse().reduce((under, top) => over(top, under).slice(0, 3), [255, 255, 255]);
  };
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (words.nextNode()) {
    const text = words.currentNode.textContent.trim();
    const element = words.currentNode.parentElement;
    const box = element.getBoundingClientRect();
    if (!text || box.width <= 1 || !element.checkVisibility() || ["TITLE", "SCRIPT"].includes(element.tagName.toUpperCase())) continue;
    const style = getComputedStyle(element);
    const under = ground(element);
    const ratio = contrast(over(rgba(element.tagName === "text" ? style.fill : style.color), under), under);
    if (ratio < 4.5) broken.push(`“${text.slice(0, 40)}” has a contrast of ${ratio.toFixed(2)}`);
  }
  const named = (element) =>
    element.labels?.length || element.ariaLabel || element.hasAttribute("aria-labelledby") || element.textContent.trim();
  document.querySelectorAll("input:not([type=hidden]), select, textarea").forEach((field) => {
    if (!field.labels.length && !field.ariaLabel) broken.push(`the field ${field.name} has no label`);
  });
  document.querySelectorAll("a, button, summary").forEach((element) => {
    if (!named(element)) broken.push(`${element.outerHTML.slice(0, 80)} has no name`);
  });
  const headings = document.querySelectorAll("h1").length;
  if (headings !== 1) broken.push(`${headings} h1`);
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  ids.filter((id, at) => ids.indexOf(id) !== at).forEach((id) => broken.push(`the id ${id} is there twice`));
  if (!/Pylo/.test(document.title)) broken.push(`the title is “${document.title}”`);
  return broken;
};
