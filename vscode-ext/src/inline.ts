// Values at the ends of lines, and what a hover evaluates.
import * as vscode from 'vscode';
import { expressionAt, functionStart, variablesIn } from './core/expressions';

const languages: vscode.DocumentSelector = [{ language: 'go' }, { language: 'c' }, { language: 'cpp' }];

/** How many lines above the one where it stopped get values: a long function would ask for hundreds. */
const linesAbove = 60;

export function registerInline(): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.languages.registerEvaluatableExpressionProvider(languages, {
      provideEvaluatableExpression(document, position) {
        const found = expressionAt(document.lineAt(position.line).text, position.character);
        if (!found) {
          return undefined;
        }
        return new vscode.EvaluatableExpression(new vscode.Range(position.line, found.from, position.line, found.to), found.text);
      },
    }),
    vscode.languages.registerInlineValuesProvider(languages, {
      provideInlineValues(document, viewPort, context) {
        if (vscode.debug.activeDebugSession?.type !== 'vitrine' || !vscode.workspace.getConfiguration('vitrine').get('inlineValues', true)) {
          return [];
        }
        const stopped = context.stoppedLocation.end.line;
        const lines = document.getText(new vscode.Range(0, 0, stopped + 1, 0)).split(/\r?\n/);
        const from = Math.max(functionStart(lines, stopped), viewPort.start.line, stopped - linesAbove);
        const values: vscode.InlineValue[] = [];
        for (let line = from; line <= Math.min(stopped, viewPort.end.line); line++) {
          for (const v of variablesIn(lines[line] ?? '')) {
            // The editor looks them up in the scopes that it has: what is no local there shows nothing, and nobody is asked.
            values.push(new vscode.InlineValueVariableLookup(new vscode.Range(line, v.from, line, v.to), v.text, true));
          }
        }
        return values;
      },
    }),
  );
}
