import * as vscode from "vscode";
import { PolicyClient } from "./client.ts";

let client: PolicyClient | undefined;

/** The editor calls it when a policy is opened. */
export async function activate(context: vscode.ExtensionContext): Promise<void> {
  client = new PolicyClient(vscode, context);
  await client.restart();
}

export async function deactivate(): Promise<void> {
  await client?.stop();
}
