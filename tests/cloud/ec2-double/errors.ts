/** An error as EC2 answers it (API reference, "Error codes for the Amazon EC2 API"). */
export class Ec2Error extends Error {
  override readonly name = 'Ec2Error';

  constructor(
    readonly code: string,
    message: string,
    /** HTTP status: 400 for client errors unless told. */
    readonly status = 400,
  ) {
    super(message);
  }
}

export function missing(parameter: string): Ec2Error {
  return new Ec2Error('MissingParameter', `The request must contain the parameter ${parameter}`);
}

export function invalid(parameter: string, value: string): Ec2Error {
  return new Ec2Error('InvalidParameterValue', `Invalid value '${value}' for ${parameter}`);
}
