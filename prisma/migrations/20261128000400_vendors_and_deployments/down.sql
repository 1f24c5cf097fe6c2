DROP TABLE deployment_tasks;
DROP TABLE deployment_vendors;
DROP TABLE deployments;
DROP TABLE vendors;
