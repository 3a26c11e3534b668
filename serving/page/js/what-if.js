export const whatIfButton = () => null;
