// The official SDK for Node, unchanged, as an integration uses it. Each step prints one JSON line.
//
// In the environment: BASE_PATH (up to /restapi), TOKEN, ACCOUNT, and LISTENERS, the URL below
// which the listeners HOOK (the account's) and APP2 (the envelope's own) are.

import docusign from "docusign-esign";

const { BASE_PATH, TOKEN, ACCOUNT, LISTENERS } = process.env;
const PDF = "JVBERi0xLjQKJeLjz9MKJSVFT0YK"; // a PDF's first and last line, in base64
const NOBODYS = "e0000000-0000-4000-8000-00000000dead";
const LOG_TRIES = 100;
const LOG_PAUSE_MS = 100;

const client = new docusign.ApiClient({ basePath: BASE_PATH });
client.addDefaultHeader("Authorization", `Bearer ${TOKEN}`);
const connect = new docusign.ConnectApi(client);
const envelopes = new docusign.EnvelopesApi(client);

function tell(step, answer) {
  console.log(JSON.stringify({ step, answer }));
  return answer;
}

// Returns what this SDK makes of a refusal, and null where there was none.
async function refused(call) {
  try {
    await call;
  } catch (error) {
    return { status: error.response.status, ...error.response.data };
  }
  return null;
}

// The article's, in the order and the spelling that it has there.
const eventNotification = {
  url: `${LISTENERS}/APP2`,
  requireAcknowledgment: "true",
  loggingEnabled: "true",
  envelopeEvents: [{ envelopeEventStatusCode: "Completed", includeDocuments: "false" }],
  recipientEvents: ["Declined", "AuthenticationFailed", "AutoResponded"].map((code) => ({
    recipientEventStatusCode: code,
    includeDocuments: "false",
  })),
  eventData: {
    version: "restv2.1",
    format: "json",
    includeData: [
      "custom_fields",
      "extensions",
      "folders",
      "recipients",
      "powerform",
      "tabs",
      "payment_tabs",
    ],
  },
};

function definition(integration, more) {
  return {
    emailSubject: "Please sign the attached document",
    status: "sent",
    documents: [
      { documentBase64: PDF, name: "Agreement.pdf", fileExtension: "pdf", documentId: "1" },
    ],
    recipients: {
      signers: [
        { email: "ada@example.com", name: "Ada", recipientId: "1", routingOrder: "1" },
      ],
    },
    customFields: { textCustomFields: [{ name: "Integration", value: integration }] },
    ...more,
  };
}

async function send(integration, more = {}) {
  const envelopeDefinition = definition(integration, more);
  return envelopes.createEnvelope(ACCOUNT, { envelopeDefinition });
}

// Deliveries are made after the call that caused them has been answered.
async function logsOf(count) {
  for (let tries = 0; tries < LOG_TRIES; tries += 1) {
    const logs = await connect.listEventLogs(ACCOUNT);
    if (Number(logs.totalRecords) >= count) return logs;
    await new Promise((resolve) => setTimeout(resolve, LOG_PAUSE_MS));
  }
  return connect.listEventLogs(ACCOUNT);
}

const made = tell(
  "create configuration",
  await connect.createConfiguration(ACCOUNT, {
    connectCustomConfiguration: {
      name: "from node",
      urlToPublishTo: `${LISTENERS}/HOOK`,
      configurationType: "custom",
      allUsers: "true",
      deliveryMode: "SIM",
      events: ["envelope-sent", "envelope-voided"],
      eventData: { version: "restv2.1", includeData: ["custom_fields"] },
      enableLog: "true",
    },
  }),
);
tell("list configurations", await connect.listConfigurations(ACCOUNT));
tell(
  "update configuration",
  await connect.updateConfiguration(ACCOUNT, {
    connectCustomConfiguration: { connectId: made.connectId, allowEnvelopePublish: "true" },
  }),
);
tell("get configuration", await connect.getConfiguration(ACCOUNT, made.connectId));

tell("create envelope", await send("App2", { eventNotification }));
const other = tell("create another", await send("Other"));
tell(
  "list by custom field",
  await envelopes.listStatusChanges(ACCOUNT, {
    customField: "Integration=App2",
    fromDate: "2020-01-01",
    include: "custom_fields",
  }),
);
tell(
  "void envelope",
  await envelopes.update(ACCOUNT, other.envelopeId, {
    envelope: { status: "voided", voidedReason: "No longer needed" },
  }),
);
tell("get envelope", await envelopes.getEnvelope(ACCOUNT, other.envelopeId));
tell("get no envelope", await refused(envelopes.getEnvelope(ACCOUNT, NOBODYS)));

const logs = tell("list logs", await logsOf(3));
tell("get log", await connect.getEventLog(ACCOUNT, logs.logs[0].logId, { additionalInfo: "true" }));
tell("list failures", await connect.listEventFailureLogs(ACCOUNT));

tell("delete configuration", (await connect.deleteConfiguration(ACCOUNT, made.connectId)) ?? null);
tell("list after deletion", await connect.listConfigurations(ACCOUNT));
