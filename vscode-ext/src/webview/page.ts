// What every webview's script needs.

declare function acquireVsCodeApi(): { postMessage(message: unknown): void; getState(): unknown; setState(state: unknown): void };

const api = acquireVsCodeApi();

/** Sends a message to the extension. */
export function send<T>(message: T): void {
  api.postMessage(message);
}

/** Calls f for each message of the extension, and tells it that the page is ready. */
export function listen<T>(f: (message: T) => void): void {
  window.addEventListener('message', (e: MessageEvent<T>) => f(e.data));
  send({ type: 'ready' });
}

/** The page's element of an id. */
export function element<T extends HTMLElement>(id: string): T {
  const e = document.getElementById(id);
  if (!e) {
    throw new Error(`the page has no #${id}`);
  }
  return e as T;
}

/** Fits a canvas to its place on the screen, pixel for pixel, and returns its context and its size in CSS pixels. */
export function fitCanvas(canvas: HTMLCanvasElement): { g: CanvasRenderingContext2D; width: number; height: number } {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const g = canvas.getContext('2d')!;
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  return { g, width, height };
}

/** A colour of the editor's theme. */
export function theme(name: string, otherwise: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--vscode-${name}`).trim() || otherwise;
}

/** Returns a function that draws once before the next frame, however often it is called. */
export function onceAFrame(draw: () => void): () => void {
  let waiting = false;
  return () => {
    if (!waiting) {
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        draw();
      });
    }
  };
}
