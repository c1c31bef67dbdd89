// Draws one dashboard's JSON over a Prometheus with Grafana's own components.
// What Grafana keeps in its core (state timeline, table pages) is drawn here with Grafana's own value mappings.
import React from 'react';
import { createRoot } from 'react-dom/client';
import * as GD from '@grafana/data';
import { BarGauge, BigValue, GlobalStyles, PanelChrome, PortalContainer, TimeSeries, VizRepeater } from '@grafana/ui';

const { FieldType, applyFieldOverrides, createTheme, dateTime, getDisplayValueAlignmentFactors, getFieldDisplayValues, standardTransformers, toDataFrame, transformDataFrame } = GD;
const asked = new URLSearchParams(location.search);
const PROM = asked.get('prom'), DASH = asked.get('dash'), SPAN = +asked.get('span'), STEP = +asked.get('step'), RATE = asked.get('rate'), HEIGHT = +asked.get('height');
const WIDTH = 1920, EDGE = 12, GAP = 8, ROW = 30, BAR = 42, CELL = 36;  // CELL: the height of a row of Grafana's tables, cells being small
const theme = createTheme({ colors: { mode: asked.get('theme') } });
const FONT = "Inter, Helvetica, Arial, 'Noto Sans CJK SC', sans-serif";
const to = asked.get('at') ? +asked.get('at') : Math.floor(Date.now() / 1000), from = to - SPAN;
const timeRange = { from: dateTime(from * 1000), to: dateTime(to * 1000), raw: { from: 'now', to: 'now' } };

const filled = (expr) => expr
  .replaceAll('$__rate_interval', RATE).replaceAll('$__range', SPAN + 's').replaceAll('$__interval', STEP + 's')
  .replaceAll(/\$(job|instance|plc)\b/g, '.+');

async function ask(target) {
  const query = encodeURIComponent(filled(target.expr));
  const url = target.instant ? `${PROM}/api/v1/query?query=${query}&time=${to}` : `${PROM}/api/v1/query_range?query=${query}&start=${from}&end=${to}&step=${STEP}`;
  const answer = await (await fetch(url)).json();
  if (answer.status !== 'success') throw new Error(answer.error);
  return answer.data.result;
}

const number = (text) => (text === 'NaN' ? NaN : +text);
const drawable = (text) => (Number.isFinite(+text) ? +text : null);  // as Grafana's time series do, which leave a gap

function seriesFrames(target, result) {
  return result.map((series) => {
    const samples = series.values || [series.value];
    const name = (target.legendFormat || JSON.stringify(series.metric)).replaceAll(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => series.metric[label] ?? '');
    return toDataFrame({ refId: target.refId, fields: [
      { name: 'Time', type: FieldType.time, values: samples.map((s) => s[0] * 1000) },
      { name: 'Value', type: FieldType.number, labels: series.metric, values: samples.map((s) => (target.instant ? number : drawable)(s[1])), config: { displayNameFromDS: name } },
    ] });
  });
}

function tableFrame(target, result) {
  const labels = [...new Set(result.flatMap((series) => Object.keys(series.metric)))].sort();
  return [toDataFrame({ refId: target.refId, fields: [
    { name: 'Time', type: FieldType.time, values: result.map((series) => series.value[0] * 1000) },
    ...labels.map((label) => ({ name: label, type: FieldType.string, values: result.map((series) => series.metric[label] ?? '') })),
    { name: 'Value', type: FieldType.number, values: result.map((series) => number(series.value[1])) },
  ] })];
}

async function frames(panel) {
  const asked = await Promise.all(panel.targets.map(async (target) => {
    const result = await ask(target);
    return target.format === 'table' ? (result.length ? tableFrame(target, result) : []) : seriesFrames(target, result);
  }));
  let found = asked.flat();
  if (panel.transformations?.length && found.length) {
    found = await new Promise((done, fail) => transformDataFrame(panel.transformations, found).subscribe({ next: done, error: fail }));
  }
  return applyFieldOverrides({ data: found, fieldConfig: panel.fieldConfig ?? { defaults: {}, overrides: [] }, replaceVariables: (s) => s, theme, timeZone: 'browser', fieldConfigRegistry: GD.standardFieldConfigEditorRegistry });
}

function Timeline({ panel, frames, width, height }) {
  const names = frames.map((f) => GD.getFieldDisplayName(f.fields[1], f, frames));
  const left = Math.min(220, 24 + 8 * Math.max(...names.map((n) => [...n].reduce((w, c) => w + (c > '\u2e80' ? 1.7 : 1), 0))));
  const bottom = 24, row = (height - bottom) / frames.length, share = panel.options?.rowHeight ?? 0.9;
  const x = (ms) => left + ((ms / 1000 - from) / SPAN) * (width - left - 8);
  const ink = (color) => GD.getTextColorForBackground ? GD.getTextColorForBackground(color) : theme.colors.getContrastText(color);
  return <svg width={width} height={height} style={{ font: `13px ${FONT}` }}>
    {frames.map((frame, at) => {
      const [times, states] = frame.fields, bars = [];
      for (let first = 0, k = 1; k <= states.values.length; k++) {
        if (k < states.values.length && states.values[k] === states.values[first]) continue;
        const shown = states.display(states.values[first]);
        const x0 = Math.max(left, x(times.values[first])), x1 = x(k < times.values.length ? times.values[k] : to * 1000), y = at * row + (row * (1 - share)) / 2;
        bars.push(<g key={first}>
          <rect x={x0} y={y} width={Math.max(1, x1 - x0)} height={row * share} fill={shown.color} />
          {panel.options?.showValue !== 'never' && x1 - x0 > 14 + 9 * shown.text.length && <text x={x0 + 6} y={y + (row * share) / 2 + 5} fill={ink(shown.color)}>{shown.text}</text>}
        </g>);
        first = k;
      }
      return <g key={at}><text x={left - 10} y={at * row + row / 2 + 5} textAnchor="end" fill={theme.colors.text.primary}>{names[at]}</text>{bars}</g>;
    })}
    {[0, 0.25, 0.5, 0.75, 1].map((p) => <text key={p} x={left + p * (width - left - 8)} y={height - 6} textAnchor={p === 1 ? 'end' : p === 0 ? 'start' : 'middle'} fill={theme.colors.text.secondary}>
      {new Date((from + p * SPAN) * 1000).toLocaleTimeString('de', { hour: '2-digit', minute: '2-digit' })}</text>)}
  </svg>;
}

function Table({ panel, frame, width, height }) {
  const fields = frame.fields.filter((f) => !f.config.custom?.hidden), sort = panel.options?.sortBy?.[0];
  const names = fields.map((f) => GD.getFieldDisplayName(f, frame));
  const order = [...Array(frame.length).keys()];
  const by = sort && fields[names.indexOf(sort.displayName)];
  if (by) order.sort((a, b) => (by.values[a] < by.values[b] ? -1 : by.values[a] > by.values[b] ? 1 : 0) * (sort.desc ? -1 : 1));
  const line = { borderBottom: `1px solid ${theme.colors.border.weak}` };
  return <div style={{ width, height, overflow: 'hidden' }}><table style={{ width: '100%', borderCollapse: 'collapse', font: `14px/1.35 ${FONT}`, tableLayout: 'fixed' }}>
    <thead><tr style={{ ...line, height: CELL }}>{fields.map((f, at) => <th key={at} style={{ width: f.config.custom?.width, textAlign: f.type === FieldType.number ? 'right' : 'left', padding: '4px 8px', fontWeight: 500, color: theme.colors.text.secondary }}>{names[at]}</th>)}</tr></thead>
    <tbody>{order.map((row) => <tr key={row} style={{ ...line, height: CELL }}>{fields.map((f, at) => {
      const shown = f.display(f.values[row]), colored = f.config.custom?.cellOptions?.type === 'color-text' && shown.color;
      return <td key={at} style={{ textAlign: f.type === FieldType.number ? 'right' : 'left', padding: '4px 8px', color: colored ? shown.color : theme.colors.text.primary, fontWeight: colored ? 600 : 400, verticalAlign: 'top' }}>{GD.formattedValueToString(shown)}</td>;
    })}</tr>)}</tbody>
  </table></div>;
}

function Values({ panel, frames, width, height }) {
  const options = panel.options ?? {}, isStat = panel.type === 'stat';
  const values = () => getFieldDisplayValues({ fieldConfig: panel.fieldConfig, reduceOptions: options.reduceOptions ?? { calcs: ['lastNotNull'] }, replaceVariables: (s) => s, theme, data: frames, sparkline: isStat && options.graphMode !== 'none', timeZone: 'browser' });
  return <VizRepeater getValues={values} getAlignmentFactors={getDisplayValueAlignmentFactors} width={width} height={height} source={frames} renderCounter={1}
    itemSpacing={isStat ? 3 : 8} autoGrid={isStat} minVizHeight={options.minVizHeight ?? 10} maxVizHeight={options.sizing === 'manual' ? options.maxVizHeight : 300} orientation={options.orientation ?? 'auto'}
    renderValue={({ value, width, height, orientation, alignmentFactors, count }) => (isStat
      ? <BigValue theme={theme} value={value.display} width={width} height={height} sparkline={value.sparkline} colorMode={options.colorMode} graphMode={options.graphMode} justifyMode={options.justifyMode} textMode={options.textMode} alignmentFactors={alignmentFactors} count={count} text={options.text} />
      : <BarGauge theme={theme} value={value.display} width={width} height={height} orientation={orientation} field={value.field} display={value.view?.getFieldDisplayProcessor(value.colIndex)} displayMode={options.displayMode} showUnfilled={options.showUnfilled} alignmentFactors={alignmentFactors} itemSpacing={8} lcdCellWidth={10} valueDisplayMode={options.valueMode} namePlacement={options.namePlacement} text={options.text} />)} />;
}

function Body({ panel, frames, width, height }) {
  if (!frames.length || !frames.some((f) => f.length)) {
    const none = panel.fieldConfig?.defaults?.noValue ?? 'No data';
    return <div style={{ display: 'flex', height, alignItems: 'center', justifyContent: 'center', font: `16px ${FONT}`, color: theme.colors.text.secondary }}>{none}</div>;
  }
  if (panel.type === 'stat' || panel.type === 'bargauge') return <Values {...{ panel, frames, width, height }} />;
  if (panel.type === 'timeseries') return <TimeSeries frames={frames} width={width} height={height} timeRange={timeRange} timeZone="browser" legend={{ showLegend: true, displayMode: 'list', placement: 'bottom', calcs: [], ...(panel.options?.legend ?? {}) }} options={panel.options} />;
  if (panel.type === 'state-timeline') return <Timeline {...{ panel, frames, width, height }} />;
  if (panel.type === 'table') return <Table {...{ panel, width, height }} frame={frames[0]} />;
  throw new Error('no drawing for ' + panel.type);
}

function registerFields() {
  const nothing = () => null;
  const item = (id, more) => ({ id, path: id, name: id, editor: nothing, override: nothing, shouldApply: () => true, process: (value) => value, ...more });
  const plain = ['unit', 'min', 'max', 'decimals', 'displayName', 'color', 'noValue', 'links', 'actions', 'filterable'].map((id) => item(id));
  const custom = ['lineWidth', 'lineStyle', 'fillOpacity', 'showPoints', 'drawStyle', 'lineInterpolation', 'thresholdsStyle', 'spanNulls', 'axisPlacement', 'axisSoftMax', 'axisWidth', 'axisColorMode', 'axisGridShow', 'hideFrom', 'stacking', 'gradientMode', 'width', 'cellOptions', 'align']
    .map((id) => item('custom.' + id, { path: id, isCustom: true }));
  GD.standardEditorsRegistry?.setInit?.(() => []);
  GD.standardFieldConfigEditorRegistry.setInit(() => [...plain, ...custom,
    item('thresholds', { process: (value, context) => (value?.steps ? GD.thresholdsOverrideProcessor(value, context) : value) }),
    item('mappings', { process: (value, context) => GD.valueMappingsOverrideProcessor(value, context) })]);
  GD.standardTransformersRegistry.setInit(() => ['organizeFieldsTransformer', 'groupingToMatrixTransformer', 'renameByRegexTransformer', 'orderFieldsTransformer', 'renameFieldsTransformer', 'filterFieldsByNameTransformer', 'filterFieldsTransformer']
    .map((name) => standardTransformers[name]).filter(Boolean).map((transformation) => ({ id: transformation.id, name: transformation.name, transformation: async () => transformation, editor: nothing })));
}

function Header({ title }) {
  const stamp = (s) => new Date(s * 1000).toLocaleString('sv');
  return <div style={{ height: BAR, padding: `0 ${EDGE + 4}px`, display: 'flex', alignItems: 'center', justifyContent: 'space-between', font: `500 20px ${FONT}`, color: theme.colors.text.primary }}>
    <span>{title}</span><span style={{ font: `15px ${FONT}`, color: theme.colors.text.secondary }}>{stamp(from)} – {stamp(to)}</span></div>;
}

async function run() {
  registerFields();
  const dashboard = await (await fetch(DASH)).json(), drawn = [];
  let failed = 0;
  for (const panel of dashboard.panels) {
    try { drawn.push([panel, await frames(panel)]); } catch (error) { failed++; console.error(`panel ${panel.title}: ${error.stack}`); drawn.push([panel, [], error]); }
  }
  const column = (WIDTH - 2 * EDGE + GAP) / 24, bottom = Math.max(...dashboard.panels.map((p) => (p.gridPos.y + p.gridPos.h) * (ROW + GAP)));
  const height = Math.max(HEIGHT, BAR + bottom + EDGE);
  const App = () => <GD.ThemeContext.Provider value={theme}><GlobalStyles /><div style={{ background: theme.colors.background.canvas, width: WIDTH, height, position: 'relative' }}>
    <Header title={dashboard.title} />
    {drawn.map(([panel, found, error], at) => {
      const g = panel.gridPos, w = g.w * column - GAP, h = g.h * (ROW + GAP) - GAP;
      return <div key={at} style={{ position: 'absolute', left: EDGE + g.x * column, top: BAR + g.y * (ROW + GAP), width: w, height: h }}>
        <PanelChrome title={panel.title} description={panel.description} width={w} height={h}>{(iw, ih) => (error ? <pre>{String(error)}</pre> : <Body panel={panel} frames={found} width={iw} height={ih} />)}</PanelChrome></div>;
    })}
    <PortalContainer /></div></GD.ThemeContext.Provider>;
  createRoot(document.getElementById('root')).render(<App />);
  setTimeout(() => { document.title = failed ? 'failed' : 'ready'; }, 1200);
}
run().catch((error) => { console.error(error.stack); document.title = 'failed'; });
