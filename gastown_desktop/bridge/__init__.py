"""Between engine and screen: Qt without widgets."""
