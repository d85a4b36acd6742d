using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace LoraAspire.Pipelines.Yaml.Schemas;

/// <summary>What stands above the properties of an assembly's records, from the file that the compiler writes beside it.</summary>
public sealed partial class SummaryTexts
{
    private readonly Dictionary<string, XElement?> _members;

    /// <summary>None where the file isn't beside the program.</summary>
    public SummaryTexts(Assembly assembly)
    {
        var file = Path.Combine(AppContext.BaseDirectory, assembly.GetName().Name + ".xml");
        _members = !File.Exists(file) ? [] : XDocument.Load(file).Descendants("member")
            .ToDictionary(member => member.Attribute("name")!.Value, member => member.Element("summary"));
    }

    /// <summary>One line of Markdown; null where nothing stands there.</summary>
    public string? Of(PropertyInfo property) =>
        _members.GetValueOrDefault($"P:{property.DeclaringType!.FullName}.{property.Name}") is { } summary
            ? Spaces().Replace(string.Concat(summary.Nodes().Select(Markdown)), " ").Trim() : null;

    private static string Markdown(XNode node) => node switch
    {
        XText text => text.Value,
        XElement { Name.LocalName: "see" } see => $"`{Named(see.Attribute("cref")!.Value)}`",
        XElement { Name.LocalName: "c" } code => $"`{code.Value}`",
        XElement other => other.Value,
        _ => "",
    };

    /// <summary>P:LoraAspire.….BatchSize is batch_size, and a word of an enumeration is the YAML's.</summary>
    private static string Named(string reference) => reference[0] == 'F'
        ? JsonNamingPolicy.KebabCaseLower.ConvertName(reference.Split('.')[^1])
        : JsonNamingPolicy.SnakeCaseLower.ConvertName(reference.Split('.')[^1]);

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
