// viewer.mjs URL FOLDER [LESION]: what OHIF shows of a study whose results are a segmentation and a report.
//
// Opens and hydrates both as a reader does: on the PET, fused on the CT, and coronal. FOLDER gets seen.json (segments,
// measurements, where the pixels of each picture lie in the patient), for every lesion and view a picture with its
// segment and one without, and the whole page at LESION (1) as report.png, fusion.png and (coronal) segmentation.png.
// TESTBENCH is where playwright-core is installed.

import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { chromium } = createRequire(`${process.env.TESTBENCH}/ohif/`)('playwright-core');
const [, , url, folder, favourite = '1'] = process.argv;

const SOFTWARE_RENDERING = ['--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'];
const PET_WINDOW = { windowWidth: 10, windowCenter: 5 };
const PET_OVER_CT = {
  colormap: { name: 'red_hot' },
  opacity: [{ value: 0, opacity: 0 }, { value: 0.1, opacity: 0.3 }, { value: 1, opacity: 0.8 }],
};
const ZOOM = 1.6;
const PATIENCE_MS = 240_000;
const LOOK_AGAIN_MS = 250;

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--ignore-gpu-blocklist', '--enable-webgl', ...SOFTWARE_RENDERING],
});
try {
  const page = await browser.newPage({ viewport: { width: 1600, height: 900 } });
  page.setDefaultTimeout(PATIENCE_MS);
  writeFileSync(`${folder}/seen.json`, JSON.stringify(await read(page), null, 1));
} finally {
  await browser.close();
}

// What a reader does

async function read(page) {
  await page.addInitScript(() => localStorage.setItem('shownTours', '["basicViewerTour"]'));
  await page.goto(url, { waitUntil: 'domcontentloaded' });
  await hydrate(page, 'SR', () => services.measurementService.getMeasurements().length > 0);
  await hydrate(page, 'SEG', () => services.segmentationService.getSegmentations().length > 0);
  await page.evaluate(setPetWindow, PET_WINDOW);
  await openPanel(page, 'trackedMeasurements');
  const count = await page.locator('[data-cy="data-row"]').count();
  const pet = await lesions(page, 'pet', count);
  const measurements = await page.evaluate(measured);
  await pagePicture(page, 'report.png', ZOOM);

  await load(page, 'CT');
  for (const modality of ['PT', 'SEG']) {
    await settled(page);
    await page.evaluate(addLayer, await page.evaluate(largest, modality));
  }
  await settled(page);
  await page.evaluate(setPetWindow, PET_WINDOW);
  await page.evaluate(blend, PET_OVER_CT);
  await page.locator('[data-cy="side-panel-header-left"]').first().click();
  const fused = await lesions(page, 'fused', count);
  await pagePicture(page, 'fusion.png', ZOOM);

  await openPanel(page, 'panelSegmentation');
  await page.waitForFunction(isSegmentMeasured);
  const segments = await page.evaluate(segmentsShown);
  await page.evaluate(turn, 'coronal');
  const coronal = await lesions(page, 'coronal', count);
  await pagePicture(page, 'segmentation.png');
  return { measurements, segments, views: { pet, fused, coronal } };
}

async function load(page, modality) {
  await page.locator('[data-cy^="study-browser-thumbnail"]').first().waitFor();
  await page.waitForFunction(isListed, modality);
  await page.locator(`[id="thumbnail-${await page.evaluate(largest, modality)}"]`).dblclick();
}

async function hydrate(page, modality, isHydrated) {
  await load(page, modality);
  await page.locator('[data-cy="yes-hydrate-btn"]').first().click();
  await page.waitForFunction(isHydrated);
  await settled(page);
}

async function openPanel(page, name) {
  await page.locator(`[data-cy="${name}-btn"]`).first().click();
  await row(page, 1).waitFor();
}

/** Go to each lesion by its row in the open panel; take pictures; tell where their pixels lie. */
async function lesions(page, view, count) {
  const viewport = page.locator('[data-viewportid]').first();
  const places = [];
  for (let lesion = 1; lesion <= count; lesion++) {
    await goTo(page, lesion);
    const shown = await settled(viewport);
    await page.evaluate(setVisible, [lesion, false]);
    const hidden = await settled(viewport, shown);
    await page.evaluate(setVisible, [lesion, true]);
    writeFileSync(`${folder}/${view}-${lesion}.png`, shown[0]);
    writeFileSync(`${folder}/${view}-${lesion}-hidden.png`, hidden[0]);
    places.push(await page.evaluate(place));
  }
  return places;
}

async function goTo(page, lesion) {
  await row(page, lesion).click();
  await page.waitForFunction(isThere, lesion);
  await page.mouse.move(360, 5);
}

async function pagePicture(page, name, factor = 1) {
  await page.evaluate(zoom, factor);
  await goTo(page, favourite);
  writeFileSync(`${folder}/${name}`, (await settled(page))[0]);
  await page.evaluate(zoom, 1);
}

function row(page, number) {
  return page.locator('[data-cy="data-row"]').nth(number - 1);
}

/**
 * A picture of the page or an element at rest, and with it the last ones: some scenes are drawn in two ways in turn, by a
 * pixel different. At rest it is when a picture comes again within three, and is none of those before.
 */
async function settled(place, before = []) {
  const start = Date.now();
  const sizes = [];
  for (let last = []; Date.now() - start < PATIENCE_MS; ) {
    const now = await place.screenshot({ timeout: PATIENCE_MS });
    if (!before.some(one => one.equals(now))) {
      if (last.some(one => one.equals(now))) return [now, ...last];
      last = [now, ...last.slice(0, 2)];
    }
    sizes.push(now.length);
    await new Promise(wake => setTimeout(wake, LOOK_AGAIN_MS));
  }
  const seconds = Math.round((Date.now() - start) / 1000);
  const state = before.length ? 'does not change' : 'does not come to rest';
  throw new Error(`The picture ${state} in ${seconds} s; bytes of the last of ${sizes.length}: ${sizes.slice(-8)}.`);
}

// What runs in the page, where OHIF lays open its services

function isListed(modality) {
  return services.displaySetService.getActiveDisplaySets().some(one => one.Modality === modality);
}

/** The display set of a modality that has most images; of PETs the one that is measured. */
function largest(modality) {
  const { displaySetService, measurementService } = services;
  const [measurement] = measurementService.getMeasurements();
  if (modality === 'PT') return measurement.displaySetInstanceUID;
  const found = displaySetService.getActiveDisplaySets().filter(one => one.Modality === modality);
  const size = one => one.numImageFrames ?? one.images?.length ?? 0;
  return found.sort((one, other) => size(other) - size(one))[0].displaySetInstanceUID;
}

function addLayer(displaySetInstanceUID) {
  const viewportId = services.viewportGridService.getActiveViewportId();
  commandsManager.run('addDisplaySetAsLayer', { viewportId, displaySetInstanceUID });
}

function setPetWindow(window) {
  const viewportId = services.viewportGridService.getActiveViewportId();
  const [{ displaySetInstanceUID }] = services.measurementService.getMeasurements();
  commandsManager.run('setViewportWindowLevel', { viewportId, displaySetInstanceUID, ...window });
}

function blend({ colormap, opacity }) {
  const { cornerstoneViewportService, measurementService, viewportGridService } = services;
  const viewportId = viewportGridService.getActiveViewportId();
  const [{ displaySetInstanceUID }] = measurementService.getMeasurements();
  commandsManager.run('setViewportColormap', { viewportId, displaySetInstanceUID, colormap, opacity });
  cornerstoneViewportService.getCornerstoneViewport(viewportId).render();
}

function turn(orientation) {
  const viewportId = services.viewportGridService.getActiveViewportId();
  commandsManager.run('setViewportOrientation', { viewportId, orientation });
}

function zoom(factor) {
  const { cornerstoneViewportService, viewportGridService } = services;
  const viewport = cornerstoneViewportService.getCornerstoneViewport(viewportGridService.getActiveViewportId());
  viewport.setZoom(factor);
  viewport.render();
}

/** Whether the lesion is measured, and the active viewport has gone to a slice through it. */
function isThere(lesion) {
  const { cornerstoneViewportService, measurementService, viewportGridService } = services;
  const { data, points } = measurementService.getMeasurements()[lesion - 1];
  const viewport = cornerstoneViewportService.getCornerstoneViewport(viewportGridService.getActiveViewportId());
  const { focalPoint, viewPlaneNormal } = viewport.getCamera();
  const distances = points.map(point => point.reduce((sum, one, axis) => sum + (one - focalPoint[axis]) * viewPlaneNormal[axis], 0));
  const isThrough = Math.min(...distances) < 1 && Math.max(...distances) > -1;
  return isThrough && Object.values(data ?? {}).some(one => one.Modality === 'PT' && one.max !== undefined);
}

function measured() {
  return services.measurementService.getMeasurements().map(({ label, data, findingSites }) => {
    const { max, modalityUnit } = Object.values(data).find(one => one.Modality === 'PT');
    return { label, sites: findingSites.map(site => site.CodeMeaning), suv_max: max, unit: modalityUnit };
  });
}

function isSegmentMeasured() {
  const [{ segments }] = services.segmentationService.getSegmentations();
  return Object.values(segments).every(({ cachedStats }) => cachedStats?.namedStats?.max);
}

function segmentsShown() {
  const { segmentationService, viewportGridService } = services;
  const shown = segmentationService.getSegmentationRepresentations(viewportGridService.getActiveViewportId());
  return shown.flatMap(({ segmentationId, segments }) =>
    Object.values(segmentationService.getSegmentation(segmentationId).segments).map(({ segmentIndex, label, cachedStats }) => ({
      label,
      colour: Array.from(segments[segmentIndex].color).slice(0, 3),
      suv_max: cachedStats.namedStats.max.value,
      suv_mean: cachedStats.namedStats.mean.value,
      volume_mm3: cachedStats.namedStats.volume.value,
    }))
  );
}

function setVisible([segment, visible]) {
  const { segmentationService, viewportGridService } = services;
  const viewportId = viewportGridService.getActiveViewportId();
  const [{ segmentationId, type }] = segmentationService.getSegmentationRepresentations(viewportId);
  segmentationService.setSegmentVisibility(viewportId, segmentationId, segment, visible, type);
}

/** LPS in mm of the picture's top left corner, and the steps to the next pixel to the right and below. */
function place() {
  const { cornerstoneViewportService, viewportGridService } = services;
  const viewport = cornerstoneViewportService.getCornerstoneViewport(viewportGridService.getActiveViewportId());
  const [corner, right, below] = [[0, 0], [1, 0], [0, 1]].map(pixel => Array.from(viewport.canvasToWorld(pixel)));
  const step = point => point.map((one, axis) => one - corner[axis]);
  const { lower, upper } = viewport.getProperties().voiRange;
  return { corner, right: step(right), below: step(below), window: [lower, upper] };
}
