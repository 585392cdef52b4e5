/** Which tables stand in which README, by the name of their marker. */
import { acquiringTables } from '../host/acquiring/tables.ts';
import { rolesTable } from '../host/admin/roles.ts';
import { hostSettingsTable } from '../host/config.ts';
import { metricsTable } from '../host/operations/metric-table.ts';
import { documentFieldsTable } from '../host/programme/documents.ts';
import { storeTables } from '../host/store/schema-table.ts';
import { commandsTable } from '../keys/command/commands.ts';
import { protocolTables } from '../protocol/index.ts';
import { worldTables } from '../simulators/world/index.ts';
import { terminalSettingsTable, terminalTables, tillTables } from '../terminal/index.ts';

/** README path → marker name → Markdown. */
export function generatedTables(): Readonly<Record<string, Readonly<Record<string, string>>>> {
  return {
    'README.md': { 'host-settings': hostSettingsTable(), 'terminal-settings': terminalSettingsTable() },
    'protocol/README.md': protocolTables(),
    'keys/README.md': { commands: commandsTable() },
    'terminal/README.md': terminalTables(),
    'terminal/ecr/README.md': tillTables(),
    'host/acquiring/README.md': acquiringTables(),
    'host/store/README.md': storeTables(),
    'host/programme/README.md': { documents: documentFieldsTable() },
    'simulators/world/README.md': worldTables(),
    'host/admin/README.md': { roles: rolesTable() },
    'host/operations/README.md': { metrics: metricsTable() },
  };
}
