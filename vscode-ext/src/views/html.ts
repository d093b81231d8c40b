// The page of a webview: its own script and style, and nothing from elsewhere.
import * as vscode from 'vscode';

/** What a webview may load. */
export function webviewOptions(extension: vscode.Uri): vscode.WebviewOptions {
  return { enableScripts: true, localResourceRoots: [vscode.Uri.joinPath(extension, 'dist', 'webview'), vscode.Uri.joinPath(extension, 'media')] };
}

/** Makes the page. name is the script's and the body's id; body is HTML of our own. */
export function page(webview: vscode.Webview, extension: vscode.Uri, name: string, body: string): string {
  const uri = (...parts: string[]) => webview.asWebviewUri(vscode.Uri.joinPath(extension, ...parts)).toString();
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src ${webview.cspSource}; style-src ${webview.cspSource} 'unsafe-inline'">
<link rel="stylesheet" href="${uri('media', 'webview.css')}">
<title>Vitrine</title>
</head>
<body id="${name}">
${body}
<script src="${uri('dist', 'webview', `${name}.js`)}"></script>
</body>
</html>`;
}
