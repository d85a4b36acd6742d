using System.Text;
using System.Text.Json;
using LoraAspire.Model.Prompts.Jinja;

namespace LoraAspire.Model.Prompts;

/// <summary>
/// The chat template in a model's folder: chat_template.jinja (and additional_chat_templates/NAME.jinja), which wins, or chat_template in
/// tokenizer_config.json,
/// a text or a list of named ones.
/// </summary>
public static class ChatTemplateFile
{
    public const string FileName = "chat_template.jinja";

    private const string ConfigName = "tokenizer_config.json";
    private const string MapName = "special_tokens_map.json";
    private const string Default = "default";

    private static readonly string[] TokenNames = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token",
        "mask_token"];

    /// <summary>The template that a model brings, null where it brings none.</summary>
    /// <param name="name">Which of several: "default", "tool_use", "rag".</param>
    /// <exception cref="ModelException">A file can't be read, or none has that name; the message names the file and what there
    /// is.</exception>
    /// <exception cref="TemplateException">What is there isn't a template.</exception>
    public static ChatTemplate? Load(string folder, string name = Default)
    {
        var config = Path.Combine(folder, ConfigName);
        var sources = File.Exists(config) ? JsonFile.Read(config, "tokenizer configuration", Sources) : [];
        foreach (var (file, of) in Files(folder))
        {
            sources[of] = Text(file);
        }
        return sources.Count == 0 ? null : sources.TryGetValue(name, out var source) ? Compiled(source, folder)
            : throw new ModelException($"{folder} has no chat template '{name}': {string.Join(", ", sources.Keys)}.");
    }

    private static ChatTemplate Compiled(string source, string folder)
    {
        try
        {
            return new(source, SpecialTokens(folder));
        }
        catch (TemplateException fault)
        {
            throw new TemplateException($"{folder}: its chat template can't be read: {fault.Words}", fault.Line);
        }
    }

    private static IEnumerable<(string File, string Name)> Files(string folder)
    {
        if (Path.Combine(folder, FileName) is var file && File.Exists(file))
        {
            yield return (file, Default);
        }
        var more = Path.Combine(folder, "additional_chat_templates");
        foreach (var named in Directory.Exists(more) ? Directory.GetFiles(more, "*.jinja").Order(StringComparer.Ordinal)
            : Enumerable.Empty<string>())
        {
            yield return (named, Path.GetFileNameWithoutExtension(named));
        }
    }

    private static Dictionary<string, string> Sources(JsonElement config)
    {
        Dictionary<string, string> sources = new(StringComparer.Ordinal);
        if (config.TryGetProperty("chat_template", out var given) && given.ValueKind == JsonValueKind.String)
        {
            sources[Default] = given.GetString()!;
        }
        else if (given.ValueKind == JsonValueKind.Array)
        {
            foreach (var named in given.EnumerateArray())
            {
                sources[named.GetProperty("name").GetString() ?? throw new JsonException("a chat_template without a name.")] =
                    named.GetProperty("template").GetString() ?? throw new JsonException("a named chat_template without a template.");
            }
        }
        else if (given.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null))
        {
            throw new JsonException($"chat_template is a text or a list of named ones, not {given.ValueKind}.");
        }
        return sources;
    }

    private static Dictionary<string, string> SpecialTokens(string folder)
    {
        Dictionary<string, string> tokens = new(StringComparer.Ordinal);
        foreach (var file in new[] { MapName, ConfigName }.Select(name => Path.Combine(folder, name)).Where(File.Exists))
        {
            foreach (var (name, token) in JsonFile.Read(file, "list of special tokens", Tokens))
            {
                tokens[name] = token;
            }
        }
        return tokens;
    }

    /// <summary>A token is written as its text, or as an object that holds it.</summary>
    private static List<(string, string)> Tokens(JsonElement config)
    {
        List<(string, string)> tokens = [];
        foreach (var name in TokenNames)
        {
            Add(name, config.TryGetProperty(name, out var token) ? token : default);
        }
        if (config.TryGetProperty("extra_special_tokens", out var more) && more.ValueKind == JsonValueKind.Object)
        {
            foreach (var extra in more.EnumerateObject())
            {
                Add(extra.Name, extra.Value);
            }
        }
        return tokens;

        void Add(string name, JsonElement token)
        {
            token = token.ValueKind == JsonValueKind.Object && token.TryGetProperty("content", out var content) ? content : token;
            if (token.ValueKind == JsonValueKind.String)
            {
                tokens.Add((name, token.GetString()!));
            }
        }
    }

    private static string Text(string file)
    {
        try
        {
            return new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(WholeFile.Read(file,
                "chat template"));
        }
        catch (DecoderFallbackException error)
        {
            throw new ModelException($"{file} isn't UTF-8: {error.Message} Copy or fetch it again.", error);
        }
    }
}
