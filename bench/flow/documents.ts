import { graphql } from "../../client/gen/gql.ts";

export const AddBenchDependency = graphql(`
  mutation AddBenchDependency($input: AddDependencyInput!) {
    addDependency(input: $input) {
      task {
        taskId
      }
    }
  }
`);
