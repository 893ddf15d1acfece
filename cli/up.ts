import { readDescription, withoutDatabases } from '../environment/description';
import { Environment } from '../environment/environment';
import { writeJson } from '../environment/home';
import { environmentFile } from './connection';
import { demo, demoOrganization } from './demo';
import { agentsOf, demoGateway, demoReplicas } from './demo-gateway';
import { onTermination } from './termination';

/** The flags of `gatewright up`. */
export interface UpOptions {
  readonly home: string;
  readonly config?: string;
  readonly demo: boolean;
  readonly databases: boolean;
  readonly once?: boolean;
  readonly json?: boolean;
}

function say(text: string): void {
  process.stderr.write(`gatewright: ${text}\n`);
}

/**
 * `gatewright up`: brings the environment up, proves it with a demo, and keeps it until it is told to end.
 * @throws ComponentFailed or Failure when it does not come up; nothing is left running then.
 */
export async function up(options: UpOptions): Promise<void> {
  const began = Date.now();
  // Whoever listened may be gone first, as `tee` is at Ctrl-C: what runs is stopped all the same.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const described = readDescription(options.config);
  const description = options.databases ? described : withoutDatabases(described);
  let environment: Environment | undefined;
  let failed: Error | undefined;
  let ending: NodeJS.Signals | undefined;
  const end = async (code: number): Promise<void> => {
    await environment?.stop();
    process.exit(code);
  };
  onTermination(
    (signal) => {
      ending = signal;
      say(`${signal}: stopping (again to kill) ...`);
      void end(signal === 'SIGINT' ? 130 : 143);
    },
    () => {
      environment?.kill();
      process.exit(137);
    },
  );

  try {
    const beforeAgents = async (created: Environment): Promise<void> => {
      failed = await demoGateway(created, demoOrganization, say).then(noError, (error: Error) => error);
    };
    environment = await Environment.start(
      { directory: options.home, description, say, ...(options.demo && { beforeAgents }) },
      (created) => {
        environment = created;
      },
    );
  } catch (error) {
    // What ended half-way because it was told to is no failure; `end` exits.
    if (ending) return;
    throw error;
  }

  // How the other commands find this environment.
  writeJson(environmentFile(options.home), summary(environment));

  let proven = false;
  if (options.demo) {
    try {
      if (failed) throw failed;
      await demo(environment, say);
      await demoReplicas(environment, demoOrganization, say);
      proven = true;
    } catch (error) {
      if (ending) return;
      say(`the demo failed: ${(error as Error).message}`);
    }
  }
  if (ending) return;
  say(`${proven ? 'proven' : 'up'} after ${((Date.now() - began) / 1000).toFixed(1)} s`);
  if (options.json) {
    const agents = await agentsOf(environment);
    process.stdout.write(`${JSON.stringify({ ...summary(environment), agents })}\n`);
  }
  if (options.once) return await end(proven ? 0 : 1);
  guide(environment, options.home);
}

function noError(): undefined {
  return undefined;
}

/** What of `--json` is known without asking; `agents` are the processes of the environment alone. */
function summary(environment: Environment): object {
  const { home, apiUrl, settings, temporalUiUrl, agents, pids } = environment;
  return {
    home: home.directory,
    apiUrl,
    tokenFile: home.tokenFile,
    temporalAddress: settings.temporal.address,
    temporalUiUrl,
    organization: demoOrganization,
    zone: settings.zone.name,
    dnsAddress: settings.zone.dnsAddress,
    edges: settings.edges.map(({ name, httpAddress }) => ({ name, httpAddress })),
    databases: settings.databases?.servers.map(({ kind, address }) => ({ kind, address })) ?? [],
    agents: agents.map(({ id, address }) => ({ id, address })),
    pids,
  };
}

function guide(environment: Environment, home: string): void {
  const { apiUrl, temporalUiUrl, settings, description } = environment;
  const option = home === '.gatewright' ? '' : ` --home ${home}`;
  say(
    [
      '',
      `  API documentation  ${apiUrl}/docs`,
      ...(temporalUiUrl
        ? [`  Temporal Web UI    ${temporalUiUrl}/namespaces/${settings.temporal.namespace}/workflows`]
        : []),
      `  admin token        ${environment.home.tokenFile}`,
      '',
      'next, in another terminal:',
      `  npx gatewright start 0b2c6a5e-8a8f-4c53-9a43-3f0b6b0f4f1d${option}`,
      `  npx gatewright runs${option}`,
      `  npx gatewright pool${option}`,
      ...(settings.fleet?.backends.length
        ? [`  npx gatewright gateway watch ${description.fleet.demo.name}${option}`]
        : []),
      ...(settings.databases ? [`  npx gatewright database create shop${option}`] : []),
      '',
      'Ctrl-C stops everything.',
    ].join('\n'),
  );
}
