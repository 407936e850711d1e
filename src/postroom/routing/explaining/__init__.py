"""Why a listener does not get a notification: `explanation` asks, the others find the words."""
