/** An enum is in upper case in GraphQL, and in lower case wherever else it is read or written. */
export const upperCase = <Lower extends string>(value: Lower) => value.toUpperCase() as Uppercase<Lower>;
export const lowerCase = <Upper extends string>(value: Upper) => value.toLowerCase() as Lowercase<Upper>;
