// Checks that run inside the page, in a world of their own, so that the page's
// scripts and policy neither see nor hinder them. Each returns sentences about
// what is wrong; none of them changes what the page looks like afterwards.
globalThis.gate = (() => {
  'use strict';

  const leastText = 9; // CSS pixels: smaller labels of a plot cannot be read on a phone
  const leastContrast = 4.5; // WCAG 2.2, success criterion 1.4.3, for small text
  const focusable = 'a[href], button, input, select, textarea, summary, [tabindex]:not([tabindex="-1"])';

  const short = (s, n = 60) => {
    const line = s.replace(/\s+/g, ' ').trim();
    return line.length > n ? line.slice(0, n - 1) + '…' : line;
  };

  function describe(node) {
    if (!(node instanceof Element)) return node === window ? 'window' : 'document';
    const id = node.id ? '#' + node.id : '';
    const cls = node.getAttribute('class');
    const words = short(node.textContent ?? '', 40);
    return node.localName + id + (cls ? '.' + cls.trim().replace(/\s+/g, '.') : '') + (words ? ` “${words}”` : '');
  }

  const shown = (el) =>
    el.checkVisibility({ opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true });

  // scrolls says whether what is too wide for el can be scrolled into view.
  const scrolls = (el) => /^(auto|scroll)$/.test(getComputedStyle(el).overflowX);

  function within(el, test) {
    for (let up = el.parentElement; up; up = up.parentElement) if (test(up)) return true;
    return false;
  }

  // overflow: the page is wider than its window.
  function overflow() {
    const root = document.documentElement;
    const width = root.clientWidth;
    const scrolled = Math.max(root.scrollWidth, document.body.scrollWidth);
    if (scrolled <= width) return [];
    const wide = [...document.body.querySelectorAll('*')]
      .filter((el) => el.getBoundingClientRect().right > width + 1 && !within(el, scrolls) && shown(el))
      .filter((el, _, all) => !all.some((other) => other !== el && el.contains(other)));
    return [`${scrolled} px of ${width} px: ${wide.slice(0, 3).map(describe).join('; ')}`];
  }

  // viewport: a phone lays the page out at another width than its own.
  function viewport(width) {
    return innerWidth === width ? [] : [`laid out ${innerWidth} px wide on a screen of ${width} px`];
  }

  // cut: text of which a part cannot be seen.
  function cut() {
    const out = [];
    for (const el of document.body.querySelectorAll('*')) {
      const style = getComputedStyle(el);
      const hides = (v) => v === 'hidden' || v === 'clip';
      if (el.clientWidth <= 1 || !el.textContent.trim() || el.closest('svg') || !shown(el)) continue;
      if (hides(style.overflowX) && el.scrollWidth > el.clientWidth + 1) out.push(`cut at the side: ${describe(el)}`);
      if (hides(style.overflowY) && el.scrollHeight > el.clientHeight + 1) out.push(`cut at the foot: ${describe(el)}`);
    }
    for (const { svg, texts } of plots()) {
      const box = svg.getBoundingClientRect();
      for (const { el, rect } of texts) {
        const over = Math.max(box.left - rect.left, rect.right - box.right, box.top - rect.top, rect.bottom - box.bottom);
        if (over > 1) out.push(`${over.toFixed(0)} px outside of its plot: ${describe(el)} in ${plotName(svg)}`);
      }
    }
    return out;
  }

  const plotName = (svg) =>
    short(svg.getAttribute('aria-label') ?? svg.querySelector(':scope > title')?.textContent ?? describe(svg), 50);

  // plots are the outermost drawings that are shown, with their labels.
  function plots() {
    const out = [];
    for (const svg of document.querySelectorAll('svg')) {
      if (svg.parentElement?.closest('svg') || !shown(svg) || !svg.getBoundingClientRect().width) continue;
      const texts = [...svg.querySelectorAll('text')]
        .filter((el) => el.textContent.trim() && shown(el))
        .map((el) => ({ el, rect: el.getBoundingClientRect(), ctm: el.getScreenCTM() }))
        .filter(({ rect }) => rect.width > 0);
      out.push({ svg, texts });
    }
    return out;
  }

  // overlap: two labels of a plot stand on one another.
  function overlap() {
    const out = [];
    for (const { svg, texts } of plots()) {
      // The box of a slanted text is larger than the text.
      const upright = texts.filter(({ ctm }) => Math.min(Math.abs(ctm.a), Math.abs(ctm.b)) < 0.01 * Math.hypot(ctm.a, ctm.b));
      upright.forEach(({ el, rect: a }, i) => {
        for (const { el: other, rect: b } of upright.slice(i + 1)) {
          const x = Math.min(a.right, b.right) - Math.max(a.left, b.left);
          const y = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
          // Boxes hold the space between lines too, so they may touch by a third.
          if (x > 1 && y > Math.min(a.height, b.height, a.width, b.width) / 3) {
            out.push(`“${short(el.textContent, 30)}” and “${short(other.textContent, 30)}” in ${plotName(svg)}`);
          }
        }
      });
    }
    return out;
  }

  // small: labels of a plot that are drawn too small to read.
  function small() {
    const out = [];
    for (const { svg, texts } of plots()) {
      for (const { el, ctm } of texts) {
        const size = parseFloat(getComputedStyle(el).fontSize) * Math.hypot(ctm.a, ctm.b);
        if (size < leastText) out.push(`${size.toFixed(1)} px: “${short(el.textContent, 30)}” in ${plotName(svg)}`);
      }
    }
    return out;
  }

  // axes: plots whose upright axis has too few labels to read a value from.
  function axes() {
    return plots()
      .filter(({ svg }) => svg.matches('.chart') && svg.querySelectorAll('.axis text[text-anchor=end]').length < 2)
      .map(({ svg }) => plotName(svg));
  }

  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });

  // rgba reads any CSS colour by painting it.
  function rgba(colour) {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return { rgb: [r, g, b], alpha: a / 255 };
  }

  const over = (top, alpha, below) => top.map((c, i) => c * alpha + below[i] * (1 - alpha));

  function luminance(rgb) {
    const [r, g, b] = rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  function ratio(a, b) {
    const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (light + 0.05) / (dark + 0.05);
  }

  function background(el) {
    const layers = [];
    for (let up = el; up; up = up.parentElement) {
      const colour = rgba(getComputedStyle(up).backgroundColor);
      if (colour.alpha > 0) layers.push(colour);
      if (colour.alpha === 1) break;
    }
    return layers.reduceRight((below, { rgb, alpha }) => over(rgb, alpha, below), rgba('Canvas').rgb);
  }

  function opacity(el) {
    let all = 1;
    for (let up = el; up; up = up.parentElement) all *= parseFloat(getComputedStyle(up).opacity);
    return all;
  }

  // contrast: labels of a plot that hardly differ from the page behind the plot.
  // axe-core looks at HTML text only.
  function contrast() {
    const out = [];
    for (const { svg, texts } of plots()) {
      const behind = background(svg);
      for (const { el } of texts) {
        const style = getComputedStyle(el);
        const fill = rgba(style.fill);
        const seen = over(fill.rgb, fill.alpha * parseFloat(style.fillOpacity) * opacity(el), behind);
        const is = ratio(seen, behind);
        if (is < leastContrast) out.push(`${is.toFixed(1)} to 1: “${short(el.textContent, 30)}” in ${plotName(svg)}`);
      }
    }
    return out;
  }

  // hover: what a mouse shows and neither the keyboard nor the text does.
  const hover = () => [...tooltips(), ...hoverRules(), ...hoverAttributes()];

  // tooltips looks for each number of a tooltip among the words of the figure
  // around it, or of the section when the figure has no table; a tooltip without
  // numbers must stand there as it is.
  function tooltips() {
    const scopes = new Map();
    const wordsOf = (el) => {
      if (!scopes.has(el)) {
        const copy = el.cloneNode(true);
        for (const title of copy.querySelectorAll('svg title, style, script')) title.remove();
        const text = short(copy.textContent, Infinity).toLowerCase();
        // Cells of a table have nothing between them in textContent.
        const cells = [...copy.querySelectorAll('td, th, dd, dt, li, text, tspan')].flatMap((c) => words(c.textContent));
        scopes.set(el, { text, set: new Set([...words(text), ...cells]) });
      }
      return scopes.get(el);
    };
    const out = [];
    const tips = [
      ...[...document.querySelectorAll('svg title')].map((t) => [t.parentElement, t.textContent]).filter(([host]) => host.localName !== 'svg'),
      ...[...document.querySelectorAll('[title]')].map((el) => [el, el.title]),
    ];
    for (const [host, tip] of tips) {
      if (!tip?.trim() || host.closest(focusable)) continue;
      const scope = wordsOf(host.closest('figure:has(table)') ?? host.closest('section, article, main') ?? document.body);
      const numbers = words(tip).filter((w) => /\d/.test(w));
      const missing = numbers.filter((w) => !scope.set.has(w));
      const there = numbers.length ? missing.length === 0 : scope.text.includes(short(tip, Infinity).toLowerCase());
      if (!there) out.push(`only a tooltip says “${short(tip)}”${missing.length ? ` (${missing.slice(0, 4).join(', ')})` : ''}`);
    }
    return out;
  }

  const words = (text) =>
    text.toLowerCase().split(/[\s,;:()[\]–…]+/).map((w) => w.replace(/[.!?]+$/, '')).filter(Boolean);

  const revealing = [
    'display', 'visibility', 'opacity', 'content', 'height', 'max-height', 'width', 'max-width', 'clip', 'clip-path',
    'transform', 'fill-opacity', 'stroke-opacity', 'r', 'position', 'left', 'top', 'color',
  ];

  // hoverRules are style rules that show something under the mouse, without one
  // that shows it on focus.
  function hoverRules() {
    const rules = [];
    const collect = (list) => {
      for (const rule of list) {
        if (rule.selectorText) rules.push(rule);
        if (rule.cssRules) collect(rule.cssRules);
      }
    };
    for (const sheet of document.styleSheets) if (!sheet.href) collect(sheet.cssRules);
    const split = (selector) => selector.split(/,(?![^(]*\))/).map((s) => s.trim());
    const all = new Set(rules.flatMap((rule) => split(rule.selectorText)));
    const out = [];
    for (const rule of rules) {
      if (!revealing.some((property) => rule.style.getPropertyValue(property))) continue;
      for (const selector of split(rule.selectorText)) {
        if (!selector.includes(':hover') || /:focus/.test(selector)) continue;
        const twins = [':focus', ':focus-visible', ':focus-within'].map((f) => selector.replaceAll(':hover', f));
        if (!twins.some((twin) => all.has(twin))) out.push(`the rule ${selector} has no twin for :focus`);
      }
    }
    return out;
  }

  function hoverAttributes() {
    const kinds = ['onmouseover', 'onmouseenter', 'onmousemove', 'onpointerover', 'onpointerenter', 'onpointermove'];
    return [...document.querySelectorAll(kinds.map((k) => `[${k}]`).join())]
      .filter((el) => !el.matches('[onfocus], [onfocusin], [onkeydown]'))
      .map((el) => `a script for the mouse alone: ${describe(el)}`);
  }

  // print: what would be cut off on paper, which neither scrolls nor unfolds.
  function print() {
    const out = overflow();
    for (const el of document.body.querySelectorAll('*')) {
      if (el.clientWidth <= 1 || !shown(el)) continue;
      const style = getComputedStyle(el);
      if (style.overflowX !== 'visible' && el.scrollWidth > el.clientWidth + 1) {
        out.push(`${el.scrollWidth} px wide in ${el.clientWidth} px: ${describe(el)}`);
      }
      if (style.overflowY !== 'visible' && el.scrollHeight > el.clientHeight + 1) {
        out.push(`${el.scrollHeight} px high in ${el.clientHeight} px: ${describe(el)}`);
      }
    }
    if (![...document.querySelectorAll('h1')].some(shown)) out.push('no heading of the first level is printed');
    return out;
  }

  // emptied runs task while the drawings hold nothing but their names.
  async function emptied(task) {
    const kept = [...document.querySelectorAll('svg:not(svg svg)')].map((svg) => [svg, [...svg.childNodes]]);
    for (const [svg] of kept) svg.replaceChildren(...svg.querySelectorAll(':scope > title, :scope > desc'));
    const result = await task();
    for (const [svg, nodes] of kept) svg.replaceChildren(...nodes);
    return result;
  }

  // unfold opens what is folded away and says how many there were.
  function unfold() {
    const folded = document.querySelectorAll('details:not([open])');
    for (const el of folded) el.open = true;
    return folded.length;
  }

  const visited = new Set();

  // focused is where the keyboard is: null when it has left the page or come
  // round; ring says whether the place looks otherwise for being focused.
  function focused() {
    const el = document.activeElement;
    if (!el || el === document.body || visited.has(el)) return null;
    visited.add(el);
    const look = () => {
      const s = getComputedStyle(el);
      return [s.outlineStyle !== 'none' && s.outlineWidth + s.outlineColor, s.boxShadow, s.stroke, s.strokeWidth, s.borderColor, s.backgroundColor, s.textDecoration].join('|');
    };
    const on = look();
    el.blur();
    const off = look();
    el.focus({ preventScroll: true });
    return { what: describe(el), ring: on !== off };
  }

  return { overflow, viewport, cut, overlap, small, axes, contrast, hover, print, emptied, unfold, focused };
})();
