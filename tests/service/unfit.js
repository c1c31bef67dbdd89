// What of the live page lies over something else, outside its part of it, cut off, or off the screen.
(() => {
  const boxes = [...document.querySelectorAll('main svg text')].filter(node => node.textContent.trim()).map(node => ({
    said: node.textContent, box: node.getBoundingClientRect(), room: node.closest('section').getBoundingClientRect() }));
  const within = (inner, outer) => inner.left > outer.left - 1 && inner.right < outer.right + 1 && inner.top > outer.top - 1 && inner.bottom < outer.bottom + 1;
  const over = (one, two) => Math.min(one.right, two.right) - Math.max(one.left, two.left) > 1
    && Math.min(one.bottom, two.bottom) - Math.max(one.top, two.top) > Math.min(one.height, two.height) * .35;
  const found = boxes.filter(each => !within(each.box, each.room)).map(each => 'outside: ' + each.said);
  boxes.forEach((one, index) => boxes.slice(index + 1).forEach(two => { if (over(one.box, two.box)) found.push(`over each other: ${one.said} | ${two.said}`); }));
  for (const node of document.querySelectorAll('header *, main *:not(svg *), footer *'))
    if (node.scrollWidth > node.clientWidth + 1 && node.clientWidth && node.tagName !== 'svg') found.push('cut off: ' + node.textContent.slice(0, 40));
  for (const node of document.querySelectorAll('section, footer')) {
    const box = node.getBoundingClientRect();
    if (box.bottom > innerHeight + 1 || box.right > innerWidth + 1 || node.scrollHeight > node.clientHeight + 1) found.push('off the screen: ' + node.id);
  }
  return found;
})()
