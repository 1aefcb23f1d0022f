/** Making elements. Text is always text: nothing of a run's names or messages is ever read as HTML. */

type Attributes = Record<string, string | number | undefined>;

const SVG = 'http://www.w3.org/2000/svg';

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), attributes, children);
}

export function shape<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): SVGElementTagNameMap[K] {
  return fill(document.createElementNS(SVG, tag) as SVGElementTagNameMap[K], attributes, children);
}

function fill<E extends Element>(made: E, attributes: Attributes, children: (Node | string)[]): E {
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/** Where there is room for several beside each other: two columns, or all. */
export type PanelWidth = 'double' | 'wide';

/** A panel of the page: a region with a heading. */
export function panel(title: string, body: Node, width?: PanelWidth): HTMLElement {
  const id = `h-${title.toLowerCase().replaceAll(/[^a-z]+/g, '-')}`;
  const heading = element('h2', { id }, title);
  return element('section', { 'aria-labelledby': id, class: width }, heading, body);
}

export interface Column<T> {
  name: string;
  text(row: T): string;
}

/** A table that scrolls sideways where the screen is narrow, and can then be reached by keyboard. */
export function table<T>(label: string, columns: readonly Column<T>[], rows: readonly T[]): HTMLElement {
  const head = element('tr', {}, ...columns.map(({ name }) => element('th', { scope: 'col' }, name)));
  const body = rows.map((row) => element('tr', {}, ...columns.map(({ text }, index) => cell(text(row), index === 0))));
  const whole = element('table', { 'aria-label': label }, element('thead', {}, head), element('tbody', {}, ...body));
  return element('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': label }, whole);
}

function cell(text: string, isName: boolean): HTMLElement {
  return isName ? element('th', { scope: 'row' }, text) : element('td', {}, text);
}
