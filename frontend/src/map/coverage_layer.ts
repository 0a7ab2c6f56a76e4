/** A MapLibre layer that draws a coverage picture on the globe and on the flat map. */

import type { CustomLayerInterface, CustomRenderMethodInput, Map as MapLibre } from "maplibre-gl";
import { COLUMNS, mercatorY } from "../domain/grid";
import type { Level, Pyramid } from "../domain/pyramid";
import { FRAGMENT_SHADER, vertexShader } from "./shaders";

/** Squares along a side of the mesh that is bent over the globe. */
const MESH = 128;

/** Above this zoom the mesh covers what is on the screen rather than the world. */
const WORLD_ZOOM = 3;

/** Opacity by zoom: from afar the tiles are what matters, from near what is under them. */
const OPACITY: [zoom: number, opacity: number][] = [
  [3, 0.92],
  [6, 0.75],
  [9, 0.45],
  [13, 0.25],
];

/** Of a pixel: the shader takes the whole picture from 0.97 on. */
const NEARLY = 0.9;

export class CoverageLayer implements CustomLayerInterface {
  readonly id = "coverage";
  readonly type = "custom";
  readonly renderingMode = "2d";

  #map: MapLibre | null = null;
  #gl: WebGL2RenderingContext | null = null;
  #programs = new Map<string, WebGLProgram>();
  #mesh: WebGLVertexArrayObject | null = null;
  #texture: WebGLTexture | null = null;
  #pyramid: Pyramid | null = null;
  /** The largest level that the graphics card has; null: none of this picture. */
  #base: number | null = null;
  #drawn: (() => void) | null;

  /** `drawn` is called once the first picture is on the screen. */
  constructor(drawn: () => void) {
    this.#drawn = drawn;
  }

  /** Draw this picture from the next frame on. */
  show(pyramid: Pyramid): void {
    this.#pyramid = pyramid;
    this.#base = null;
    this.#map?.triggerRepaint();
  }

  onAdd(map: MapLibre, gl: WebGL2RenderingContext): void {
    this.#map = map;
    this.#gl = gl;
    this.#programs.clear();
    this.#mesh = makeMesh(gl);
    this.#texture = null;
    this.#base = null;
  }

  onRemove(): void {
    this.#map = null;
    for (const program of this.#programs.values()) this.#gl?.deleteProgram(program);
    this.#gl?.deleteVertexArray(this.#mesh);
    this.#gl?.deleteTexture(this.#texture);
  }

  render(gl: WebGL2RenderingContext, input: CustomRenderMethodInput): void {
    if (!this.#map || !this.#pyramid) return;
    const base = this.#bind(gl, this.#pyramid, isNear(this.#map));
    const program = this.#program(gl, input);
    const at = (name: string) => gl.getUniformLocation(program, name);
    gl.useProgram(program);
    const { mainMatrix, fallbackMatrix, tileMercatorCoords, clippingPlane, projectionTransition } =
      input.defaultProjectionData;
    gl.uniformMatrix4fv(at("u_projection_matrix"), false, mainMatrix);
    gl.uniformMatrix4fv(at("u_projection_fallback_matrix"), false, fallbackMatrix);
    gl.uniform4fv(at("u_projection_tile_mercator_coords"), tileMercatorCoords);
    gl.uniform4fv(at("u_projection_clipping_plane"), clippingPlane);
    gl.uniform1f(at("u_projection_transition"), projectionTransition);
    gl.uniform4fv(at("area"), drawnArea(this.#map));
    gl.uniform1f(at("opacity"), opacityAt(this.#map.getZoom()));
    gl.uniform1i(at("picture"), 0);
    gl.uniform1f(at("base"), base);
    gl.bindVertexArray(this.#mesh);
    gl.drawElements(gl.TRIANGLES, MESH * MESH * 6, gl.UNSIGNED_SHORT, 0);
    gl.bindVertexArray(null);
    this.#tell();
  }

  /** Bind the picture, from the largest level that is looked at on; returns which one that is. */
  #bind(gl: WebGL2RenderingContext, pyramid: Pyramid, isNear: boolean): number {
    gl.activeTexture(gl.TEXTURE0);
    if (this.#base !== null && (this.#base === 0 || !isNear)) {
      gl.bindTexture(gl.TEXTURE_2D, this.#texture);
      return this.#base;
    }
    gl.deleteTexture(this.#texture);
    this.#base = isNear ? 0 : 1;
    this.#texture = upload(gl, isNear ? [pyramid.whole(), ...pyramid.smaller] : pyramid.smaller);
    return this.#base;
  }

  /** The frame that has just been told to the graphics card is seen when the next but one begins. */
  #tell(): void {
    const drawn = this.#drawn;
    if (!drawn) return;
    this.#drawn = null;
    performance.mark("coverage drawn");
    requestAnimationFrame(() => requestAnimationFrame(drawn));
  }

  #program(gl: WebGL2RenderingContext, { shaderData }: CustomRenderMethodInput): WebGLProgram {
    const known = this.#programs.get(shaderData.variantName);
    if (known) return known;
    const program = gl.createProgram();
    const vertex = vertexShader(shaderData.vertexShaderPrelude, shaderData.define);
    const sources = [
      [gl.VERTEX_SHADER, vertex],
      [gl.FRAGMENT_SHADER, FRAGMENT_SHADER],
    ] as const;
    for (const [type, source] of sources) {
      const shader = gl.createShader(type)!;
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.bindAttribLocation(program, 0, "corner");
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
      throw new Error(`coverage layer: ${gl.getProgramInfoLog(program)}`);
    }
    this.#programs.set(shaderData.variantName, program);
    return program;
  }
}

/** Whether a cell may be as large as a pixel anywhere on the screen: then the whole picture shows. */
function isNear(map: MapLibre): boolean {
  const cell = (512 * 2 ** map.getZoom() * devicePixelRatio) / COLUMNS;
  // On a globe cells are larger towards the equator, and those before the centre if it is tilted.
  const larger = 1 / Math.cos((map.getCenter().lat * Math.PI) / 180) + map.getPitch() / 30;
  return cell * larger > NEARLY;
}

function opacityAt(zoom: number): number {
  const after = OPACITY.findIndex(([from]) => zoom < from);
  const [one, other] = [OPACITY[after - 1], OPACITY[after]];
  if (!other) return (OPACITY[OPACITY.length - 1] as [number, number])[1];
  if (!one) return other[1];
  return one[1] + ((other[1] - one[1]) * (zoom - one[0])) / (other[0] - one[0]);
}

/** West, north, width and height to draw; the flat map may show the world more than once. */
function drawnArea(map: MapLibre): [number, number, number, number] {
  const isGlobe = map.getProjection().type === "globe";
  if (isGlobe && map.getZoom() < WORLD_ZOOM) return [0, 0, 1, 1];
  const seen = map.getBounds();
  const west = (seen.getWest() + 180) / 360;
  const east = (seen.getEast() + 180) / 360;
  const north = Math.max(mercatorY(Math.min(seen.getNorth(), 85.051)), 0);
  const south = Math.min(mercatorY(Math.max(seen.getSouth(), -85.051)), 1);
  const [mx, my] = [(east - west) * 0.1, (south - north) * 0.1];
  const top = Math.max(north - my, 0);
  return [west - mx, top, east - west + 2 * mx, Math.min(south + my, 1) - top];
}

function makeMesh(gl: WebGL2RenderingContext): WebGLVertexArrayObject {
  const side = MESH + 1;
  const corners = new Float32Array(side * side * 2);
  const triangles = new Uint16Array(MESH * MESH * 6);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) corners.set([x / MESH, y / MESH], 2 * (y * side + x));
  }
  for (let y = 0; y < MESH; y++) {
    for (let x = 0; x < MESH; x++) {
      const a = y * side + x;
      triangles.set([a, a + side, a + 1, a + 1, a + side, a + side + 1], 6 * (y * MESH + x));
    }
  }
  const mesh = gl.createVertexArray();
  gl.bindVertexArray(mesh);
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, corners, gl.STATIC_DRAW);
  gl.enableVertexAttribArray(0);
  gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
  gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, triangles, gl.STATIC_DRAW);
  gl.bindVertexArray(null);
  return mesh;
}

function upload(gl: WebGL2RenderingContext, levels: Level[]): WebGLTexture {
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
  gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false);
  gl.pixelStorei(gl.UNPACK_ALIGNMENT, 4);
  const [one] = levels as [Level];
  gl.texStorage2D(gl.TEXTURE_2D, levels.length, gl.RGBA8, one.width, one.height);
  levels.forEach(({ width, height, pixels }, level) => {
    const data = new Uint8Array(pixels.buffer);
    gl.texSubImage2D(gl.TEXTURE_2D, level, 0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, data);
  });
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST_MIPMAP_NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.REPEAT);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  return texture;
}
