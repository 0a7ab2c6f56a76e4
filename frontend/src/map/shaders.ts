/** The coverage picture on the map: looked up for each pixel of the screen, so it is exact. */

/** `prelude` is MapLibre's, and brings `projectTile` for the flat map and the globe. */
export function vertexShader(prelude: string, define: string): string {
  return `#version 300 es
${prelude}
${define}
in vec2 corner;
uniform vec4 area;  // west, north, width and height of what is drawn, in Web Mercator from 0 to 1
out vec2 place;
void main() {
  place = area.xy + corner * area.zw;
  gl_Position = projectTile(place);
}`;
}

export const FRAGMENT_SHADER = `#version 300 es
precision highp float;
in vec2 place;
uniform sampler2D picture;
uniform float base;  // the largest level that the picture has
uniform float opacity;
out vec4 color;
const float PI = 3.141592653589793;
void main() {
  float latitude = atan(sinh(PI * (1.0 - 2.0 * place.y)));
  vec2 size = vec2(textureSize(picture, 0)) * exp2(base);
  vec2 cell = vec2(place.x, 0.5 - latitude / PI) * size;
  // From afar, the level whose cells are no smaller than a pixel: none falls between two.
  vec2 width = max(fwidth(cell), 1e-6);
  float level = max(ceil(log2(max(width.x, width.y)) - 0.05), base);
  // From near, edges that are sharp but not jagged.
  vec2 from = cell - 0.5;
  vec2 sharp = floor(from) + 0.5 + clamp((fract(from) - 0.5) / width + 0.5, 0.0, 1.0);
  color = textureLod(picture, (level > 0.0 ? cell : sharp) / size, level - base) * opacity;
}`;
