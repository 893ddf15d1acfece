import { startGateway } from './gateway/start';
import { stopGateway } from './gateway/stop';

/** The workflow types, as they are named in Temporal. The one module that the bundler starts from. */
export { startGateway as 'gateway.start', stopGateway as 'gateway.stop' };
