import { useSignal } from "@preact/signals";
import type { Map as MapLibre } from "maplibre-gl";
import { useEffect } from "preact/hooks";
import { OutlineError, parseOutline } from "../domain/outline";
import { fitTo } from "../map/camera";
import { notice, show } from "../state";

/** Outlines of files: dropped anywhere on the page, or chosen with the button of that id. */
export function Drop({ map }: { map: MapLibre }) {
  const isOver = useSignal(false);
  useEffect(() => {
    const over = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      isOver.value = true;
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) isOver.value = false;
    };
    const drop = (event: DragEvent) => {
      event.preventDefault();
      isOver.value = false;
      void open(map, event.dataTransfer?.files[0]);
    };
    const choose = (event: Event) => {
      const input = event.target as HTMLInputElement;
      if (input.id !== "outline") return;
      void open(map, input.files?.[0]);
      input.value = "";
    };
    addEventListener("dragover", over);
    addEventListener("dragleave", leave);
    addEventListener("drop", drop);
    addEventListener("change", choose);
    return () => {
      removeEventListener("dragover", over);
      removeEventListener("dragleave", leave);
      removeEventListener("drop", drop);
      removeEventListener("change", choose);
    };
  }, [map, isOver]);
  return isOver.value ? <div class="drop">Drop a GeoJSON or KML file to find its tiles</div> : null;
}

async function open(map: MapLibre, file: File | undefined): Promise<void> {
  if (!file) return;
  try {
    const area = { outline: parseOutline(await file.text()) };
    show({ area, tile: null });
    fitTo(map, area);
  } catch (error) {
    if (!(error instanceof OutlineError)) throw error;
    notice.value = `${file.name}: ${error.message}. A GeoJSON or KML file with a polygon is needed.`;
  }
}
