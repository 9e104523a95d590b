export function launcher(name: string): string;
