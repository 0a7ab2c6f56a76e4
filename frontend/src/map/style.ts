/** The ground: water, land, coast, borders, names, and pictures of satellites. */

import type { Feature, FeatureCollection, GeoJSON } from "geojson";
import type {
  GeoJSONSourceSpecification,
  LayerSpecification,
  RasterSourceSpecification,
} from "maplibre-gl";
import type { Config } from "../config";
import type { Theme } from "../state";

export const SATELLITE = "satellite";

export const WATER = "water";

export interface Look {
  theme: Theme;
  /** Whether there is a picture under the lines. */
  isOnPicture: boolean;
}

interface Colors {
  water: string;
  land: string;
  coast: string;
  border: string;
  name: string;
  halo: string;
  graticule: string;
}

const COLORS: Record<Theme | "picture", Colors> = {
  dark: {
    water: "#0a1727",
    land: "#1a2c41",
    coast: "#4d6c8a",
    border: "#3b536b",
    name: "#c9d8e6",
    halo: "#0a1727",
    graticule: "#13253a",
  },
  light: {
    water: "#d3e2ec",
    land: "#f7f5f0",
    coast: "#8aa5b8",
    border: "#bcc7cd",
    name: "#2c4254",
    halo: "#f7f5f0",
    graticule: "#c5d8e4",
  },
  picture: {
    water: "#0a1727",
    land: "#1a2c41",
    coast: "#8ea5b8",
    border: "#8ea5b8",
    name: "#ffffff",
    halo: "#0a1727",
    graticule: "#13253a",
  },
};

const NOTHING: FeatureCollection = { type: "FeatureCollection", features: [] };

export function geojson(data: GeoJSON = NOTHING): GeoJSONSourceSpecification {
  return { type: "geojson", data };
}

export function groundSources(): Record<string, GeoJSONSourceSpecification> {
  return {
    graticule: geojson(graticule()),
    land: geojson(),
    coast: geojson(),
    borders: geojson(),
    names: geojson(),
  };
}

export function satelliteSource({ tiles }: Config["basemap"]): RasterSourceSpecification {
  return { type: "raster", tiles: [pictureAddress(tiles)], tileSize: 256, maxzoom: 14 };
}

/** An address as MapLibre wants it. */
export function pictureAddress(tiles: string): string {
  return tiles.replace(/:([xyz])\b/g, "{$1}");
}

/** Paled and dimmed, so that what is known of tiles stands out from it. */
export function satelliteLayer(): LayerSpecification {
  const paint = { "raster-saturation": -0.3, "raster-brightness-max": 0.7 };
  return { id: SATELLITE, type: "raster", source: SATELLITE, paint };
}

export function groundLayers({ theme, isOnPicture }: Look): LayerSpecification[] {
  const colors = COLORS[isOnPicture ? "picture" : theme];
  return [
    { id: WATER, type: "background", paint: { "background-color": colors.water } },
    line("graticule", colors.graticule, 0.7),
    { id: "land", type: "fill", source: "land", paint: { "fill-color": colors.land } },
    line("coast", colors.coast, 0.8, isOnPicture ? 0.5 : 0.9),
    line("borders", colors.border, 0.6, isOnPicture ? 0.4 : 0.9),
    {
      id: "names",
      type: "symbol",
      source: "names",
      minzoom: 2.4,
      // The nearer, the smaller countries, by their size in square degrees.
      filter: ["<", ["get", "rank"], ["step", ["zoom"], -60, 3, -15, 4, -2, 5, 0]],
      layout: {
        "text-field": ["get", "name"],
        "text-font": ["Inter Variable"],
        "text-size": ["interpolate", ["linear"], ["zoom"], 2, 10.5, 6, 14],
        "text-max-width": 7,
        "text-padding": 8,
        "symbol-sort-key": ["get", "rank"],
      },
      paint: {
        "text-color": colors.name,
        "text-halo-color": colors.halo,
        "text-halo-width": 1.2,
        "text-opacity": ["interpolate", ["linear"], ["zoom"], 2.4, 0, 2.8, 0.85, 7, 0.85, 8, 0],
      },
    },
  ];
}

function line(source: string, color: string, width: number, opacity = 1): LayerSpecification {
  return {
    id: source,
    type: "line",
    source,
    layout: { "line-join": "round" },
    paint: {
      "line-color": color,
      "line-width": ["interpolate", ["linear"], ["zoom"], 0, width * 0.7, 6, width * 1.5],
      // From afar the lines are as wide as the tiles.
      "line-opacity": ["interpolate", ["linear"], ["zoom"], 1.5, opacity * 0.45, 4, opacity],
    },
  };
}

/** Meridians and parallels, every 30 degrees. */
function graticule(): Feature {
  const steps = (from: number, to: number, by: number) =>
    Array.from({ length: Math.floor((to - from) / by) + 1 }, (_, i) => from + i * by);
  const meridians = steps(-180, 150, 30).map((lon) => steps(-85, 85, 5).map((lat) => [lon, lat]));
  const parallels = steps(-60, 60, 30).map((lat) => steps(-180, 180, 5).map((lon) => [lon, lat]));
  return {
    type: "Feature",
    properties: {},
    geometry: { type: "MultiLineString", coordinates: [...meridians, ...parallels] },
  };
}
