using System.Text.Json;
using LoraAspire.Model.Prompts.Jinja;

namespace LoraAspire.Model.Prompts;

/// <summary>A turn of a conversation as a chat template sees it: a dict with role, content and whatever else the data brings (tool_calls,
/// reasoning_content).</summary>
public sealed class ChatMessage
{
    /// <summary>
    /// Roles that conversations have. Their names count as the template's letters, because templates make markers of them ('&lt;|' + role +
    /// '|&gt;');
    /// any other role is data, and spells no marker.
    /// </summary>
    private static readonly HashSet<string> KnownRoles = new(StringComparer.Ordinal)
    {
        "system", "developer", "user", "assistant", "tool", "function", "ipython", "context", "tool_response", "assistant_tool_call",
            "observation",
    };

    /// <param name="reasoning">What it thought before (reasoning_content); null for none.</param>
    public ChatMessage(string role, string content, string? reasoning = null)
    {
        var entries = DictValue.NewEntries();
        entries[Value.Of("role", Origin.Template)] = RoleValue(role);
        entries[Value.Of("content", Origin.Template)] = Value.Of(content, Origin.Data);
        if (reasoning is not null)
        {
            entries[Value.Of("reasoning_content", Origin.Template)] = Value.Of(reasoning, Origin.Data);
        }
        (Role, Fields) = (role, new(entries));
    }

    private ChatMessage(string role, DictValue fields) => (Role, Fields) = (role, fields);

    /// <summary>Empty where it has none.</summary>
    public string Role { get; }

    internal DictValue Fields { get; }

    /// <exception cref="TemplateException">It isn't an object.</exception>
    public static ChatMessage FromJson(JsonElement message)
    {
        var fields = JsonValues.Read(message) as DictValue
            ?? throw new TemplateException($"a message is an object with role and content, not {message.ValueKind}");
        var key = Value.Of("role", Origin.Template);
        var role = fields.Find("role") is StringValue text ? text.Text.Value : "";
        if (role.Length > 0)
        {
            fields.Entries[key] = RoleValue(role);
        }
        return new(role, fields);
    }

    private static Value RoleValue(string role) => Value.Of(role, KnownRoles.Contains(role) ? Origin.Template : Origin.Data);
}
