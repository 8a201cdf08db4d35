// Annotations as files, in the browser: CSV and ELAN documents, as stavis.data.annotations reads and writes them.

import { copyTiers, freeName, NEAR } from "./tiers.js";

const HEAD = ["kind", "start", "end", "label", "tier"];

// Text in a CSV field: quoted where it must be; a leading = + - @ cannot become a formula.
export function csvText(text) {
  const safe = /^[=+\-@\t\r]/.test(text) ? "'" + text : text;
  return /[",\n\r]/.test(safe) ? '"' + safe.replaceAll('"', '""') + '"' : safe;
}

export function annotationsCsv(annotations) {
  const tiers = annotations.tiers || [];
  const rows = annotations.exclude.map(([a, b]) => ["exclude", a.toFixed(6), b.toFixed(6), "", ""]);
  for (const [t, label] of annotations.events) rows.push(["event", t.toFixed(6), t.toFixed(6), csvText(label || ""), ""]);
  for (const tier of tiers) {
    const name = csvText(tier.name);
    for (const [a, b, label] of tier.spans) rows.push([a === b ? "point" : "span", a.toFixed(6), b.toFixed(6), csvText(label), name]);
    for (const label of tier.labels.length ? tier.labels : [""]) rows.push(["tier", "", "", csvText(label), name]);
  }
  const used = tiers.length ? 5 : 4;
  return [HEAD, ...rows].map((row) => row.slice(0, used).join(",")).join("\n") + "\n";
}

function csvRows(text) {
  const rows = [[]];
  const field = /(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r?\n|$)/y;
  let found;
  while (field.lastIndex < text.length && (found = field.exec(text))) {
    rows[rows.length - 1].push(found[1] === undefined ? found[2] : found[1].replaceAll('""', '"'));
    if (found[3] !== ",") rows.push([]);
  }
  return rows.filter((row) => row.some(Boolean));
}

export function annotationsOfCsv(text) {
  const [head, ...rows] = csvRows(text.replace(/^\ufeff/, ""));
  const at = Object.fromEntries((head || []).map((name, k) => [name.trim().toLowerCase(), k]));
  for (const name of HEAD.slice(0, 3)) if (!(name in at)) throw new Error(`the table has no column ${name}`);
  const found = { exclude: [], events: [], tiers: [] };
  rows.forEach((row, k) => {
    const [kind, start, end, label, name] = HEAD.map((key) => (key in at && row[at[key]]) || "");
    const [a, b] = [start === "" ? NaN : Number(start), end === "" ? NaN : Number(end)];
    const right = { exclude: a <= b, event: Number.isFinite(a), span: a <= b && name, point: Number.isFinite(a) && name, tier: name }[kind];
    if (!right) throw new Error(`line ${k + 2} is no annotation`);
    if (kind === "exclude") found.exclude.push([a, b]);
    else if (kind === "event") found.events.push([a, label]);
    else {
      let tier = found.tiers.find((one) => one.name === name);
      if (!tier) found.tiers.push((tier = { name, labels: [], spans: [] }));
      if (kind !== "tier") tier.spans.push([a, kind === "point" ? a : b, label]);
      else if (label) tier.labels.push(label);
    }
  });
  return checked(found);
}

const xml = (text) => String(text).replace(/[\0-\x08\x0b-\x1f]/g, "").replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

// The tiers with excluded ranges and events among them, as ELAN has them: a tier of one of their names gets another.
function allTiers(annotations) {
  const own = [];
  if (annotations.exclude.length) own.push({ name: "excluded", labels: [], spans: annotations.exclude.map(([a, b]) => [a, b, ""]) });
  if (annotations.events.length) own.push({ name: "events", labels: [], spans: annotations.events.map(([t, label]) => [t, t, label || ""]) });
  const tiers = annotations.tiers || [];
  const taken = (tier) => own.some((one) => one.name === tier.name);
  return [...own, ...tiers.map((tier) => (taken(tier) ? { ...tier, name: freeName([...own, ...tiers], tier.name) } : tier))];
}

export function annotationsEaf(annotations, video) {
  const tiers = allTiers(annotations);
  const ends = ([a, b]) => [Math.round(a * 1000), Math.max(Math.round(b * 1000), Math.round(a * 1000) + 1)];
  const slots = [...new Set(tiers.flatMap((tier) => tier.spans.flatMap(ends)))].sort((p, q) => p - q);
  const id = (ms) => `ts${slots.indexOf(ms) + 1}`;
  let number = 0;
  const spans = (tier) =>
    tier.spans.map((span) => {
      const [a, b] = ends(span);
      const value = `<ANNOTATION_VALUE>${xml(span[2])}</ANNOTATION_VALUE>`;
      const inside = `<ALIGNABLE_ANNOTATION ANNOTATION_ID="a${++number}" TIME_SLOT_REF1="${id(a)}" TIME_SLOT_REF2="${id(b)}">${value}</ALIGNABLE_ANNOTATION>`;
      return `        <ANNOTATION>${inside}</ANNOTATION>\n`;
    });
  const type = (k) => (tiers[k].labels.length ? `type${k}` : "default-lt");
  const rows = tiers.map((tier, k) => `    <TIER LINGUISTIC_TYPE_REF="${type(k)}" TIER_ID="${xml(tier.name)}">\n${spans(tier).join("")}    </TIER>\n`);
  const offering = tiers.map((tier, k) => [tier, k]).filter(([tier]) => tier.labels.length);
  const plain = 'GRAPHIC_REFERENCES="false" TIME_ALIGNABLE="true"';
  const entry = (k) => (label, j) =>
    `        <CV_ENTRY_ML CVE_ID="cveid_${k}_${j}"><CVE_VALUE DESCRIPTION="" LANG_REF="und">${xml(label)}</CVE_VALUE></CV_ENTRY_ML>\n`;
  const media = video ? `<MEDIA_DESCRIPTOR MEDIA_URL="./${xml(video)}" MIME_TYPE="video/*" RELATIVE_MEDIA_URL="./${xml(video)}"/>` : "";
  return [
    '<?xml version="1.0" encoding="UTF-8"?>\n<ANNOTATION_DOCUMENT AUTHOR="" DATE="1970-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0"',
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">\n',
    `    <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">${media}<PROPERTY NAME="lastUsedAnnotationId">${tiers.flatMap((t) => t.spans).length}</PROPERTY></HEADER>\n`,
    "    <TIME_ORDER>\n",
    ...slots.map((ms) => `        <TIME_SLOT TIME_SLOT_ID="${id(ms)}" TIME_VALUE="${ms}"/>\n`),
    "    </TIME_ORDER>\n",
    ...rows,
    `    <LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="default-lt" ${plain}/>\n`,
    ...offering.map(([, k]) => `    <LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="type${k}" CONTROLLED_VOCABULARY_REF="labels${k}" ${plain}/>\n`),
    '    <LANGUAGE LANG_DEF="http://cdb.iso.org/lg/CDB-00130975-001" LANG_ID="und" LANG_LABEL="undetermined (und)"/>\n',
    ...offering.map(
      ([tier, k]) =>
        `    <CONTROLLED_VOCABULARY CV_ID="labels${k}">\n        <DESCRIPTION LANG_REF="und"/>\n${tier.labels.map(entry(k)).join("")}    </CONTROLLED_VOCABULARY>\n`,
    ),
    "</ANNOTATION_DOCUMENT>\n",
  ].join("");
}

// Tiers of an ELAN document that have times of their own; those that refer to others are read in Python (read_eaf).
export function annotationsOfEaf(text) {
  if (/<!(DOCTYPE|ENTITY)/i.test(text)) throw new Error("it declares a document type or entities");
  const root = new DOMParser().parseFromString(text, "application/xml").documentElement;
  if (root.tagName !== "ANNOTATION_DOCUMENT") throw new Error("it is no ELAN document");
  const header = root.querySelector("HEADER");
  const units = (header && header.getAttribute("TIME_UNITS")) || "milliseconds";
  if (units !== "milliseconds") throw new Error(`its times are in ${units}, expected milliseconds`);
  const offset = Number(header && header.querySelector("MEDIA_DESCRIPTOR") && header.querySelector("MEDIA_DESCRIPTOR").getAttribute("TIME_ORIGIN")) || 0;
  const slots = new Map([...root.querySelectorAll("TIME_SLOT")].map((slot) => [slot.getAttribute("TIME_SLOT_ID"), slot.getAttribute("TIME_VALUE")]));
  const found = { exclude: [], events: [], tiers: [], referring: [] };
  for (const node of root.querySelectorAll("TIER")) {
    const name = node.getAttribute("TIER_ID");
    if (node.querySelector("REF_ANNOTATION")) {
      found.referring.push(name);
      continue;
    }
    const spans = [...node.querySelectorAll("ALIGNABLE_ANNOTATION")].map((one) => {
      const [a, b] = ["TIME_SLOT_REF1", "TIME_SLOT_REF2"].map((key) => {
        const ms = slots.get(one.getAttribute(key));
        if (ms === null || ms === undefined) throw new Error(`the tier ${name} has an annotation without a time`);
        return (Number(ms) + offset) / 1000;
      });
      const value = one.querySelector("ANNOTATION_VALUE");
      return [a, b - a <= NEAR ? a : b, value ? value.textContent : ""];
    });
    if (name === "excluded") found.exclude = spans.map(([a, b]) => [a, b]);
    else if (name === "events" && spans.length && spans.every(([a, b]) => a === b)) found.events = spans.map(([a, , label]) => [a, label]);
    else found.tiers.push({ name, labels: vocabularyOf(root, node.getAttribute("LINGUISTIC_TYPE_REF")), spans });
  }
  return checked(found);
}

function vocabularyOf(root, type) {
  const node = [...root.querySelectorAll("LINGUISTIC_TYPE")].find((one) => one.getAttribute("LINGUISTIC_TYPE_ID") === type);
  const id = node && node.getAttribute("CONTROLLED_VOCABULARY_REF");
  const vocabulary = [...root.querySelectorAll("CONTROLLED_VOCABULARY")].find((one) => one.getAttribute("CV_ID") === id);
  return vocabulary ? [...new Set([...vocabulary.querySelectorAll("CVE_VALUE")].map((one) => one.textContent).filter(Boolean))] : [];
}

function checked(found) {
  found.tiers = copyTiers(found.tiers);
  for (const tier of found.tiers) {
    tier.spans.sort((p, q) => p[0] - q[0] || p[1] - q[1]);
    tier.spans.forEach(([a], k) => {
      if (k && a < tier.spans[k - 1][1] - NEAR) throw new Error(`the tier ${tier.name} has annotations that overlap at ${a.toFixed(2)} s`);
    });
  }
  return found;
}
