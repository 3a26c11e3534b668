export const profileButton = () => null;
