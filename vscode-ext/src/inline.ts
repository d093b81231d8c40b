// Values at the ends of lines, and what a hover evaluates.
import type { DebugProtocol } from '@vscode/debugprotocol';
import * as vscode from 'vscode';
import { expressionAt } from './core/expressions';
import { inlineVariables, shortValue } from './core/inlineValues';
import { messageOf, output } from './output';

const languages: vscode.DocumentSelector = [{ language: 'go' }, { language: 'c' }, { language: 'cpp' }];

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
    vscode.languages.registerInlineValuesProvider(languages, { provideInlineValues }),
  );
}

async function provideInlineValues(document: vscode.TextDocument, viewPort: vscode.Range, context: vscode.InlineValueContext): Promise<vscode.InlineValue[]> {
  const session = vscode.debug.activeDebugSession;
  if (session?.type !== 'vitrine' || !vscode.workspace.getConfiguration('vitrine').get('inlineValues', true)) {
    return [];
  }
  const stopped = context.stoppedLocation.end.line;
  const lines = document.getText(new vscode.Range(0, 0, stopped + 1, 0)).split(/\r?\n/);
  const wanted = inlineVariables(lines, stopped).filter((v) => viewPort.start.line <= v.line && v.line <= viewPort.end.line);
  if (wanted.length === 0) {
    return [];
  }
  try {
    const values = await localsOf(session, context.frameId);
    return wanted.flatMap((v) => {
      const value = values.get(v.name);
      const range = new vscode.Range(v.line, v.from - v.name.length, v.line, v.from);
      return value === undefined ? [] : [new vscode.InlineValueText(range, `${v.name} = ${shortValue(value)}`)];
    });
  } catch (err) { // it runs again, say
    output.debug(`inline values: ${messageOf(err)}`);
    return [];
  }
}

/** The frame's locals and arguments. A name that is declared twice has its innermost value, which comes last. */
async function localsOf(session: vscode.DebugSession, frameId: number): Promise<Map<string, string>> {
  const { scopes } = (await session.customRequest('scopes', { frameId })) as DebugProtocol.ScopesResponse['body'];
  const values = new Map<string, string>();
  for (const scope of scopes.filter((s) => s.presentationHint === 'locals' || s.presentationHint === 'arguments')) {
    const { variables } = (await session.customRequest('variables', { variablesReference: scope.variablesReference })) as DebugProtocol.VariablesResponse['body'];
    for (const v of variables.filter(({ value }) => !value.startsWith('(unreadable'))) { // optimised away
      values.set(v.name, v.value);
    }
  }
  return values;
}
