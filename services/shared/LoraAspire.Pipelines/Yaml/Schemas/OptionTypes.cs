using System.Reflection;

namespace LoraAspire.Pipelines.Yaml.Schemas;

/// <summary>How the records of options are made, for whoever writes about them.</summary>
public static class OptionTypes
{
    /// <summary>The keys of a record: the base's first, each in the order of the source.</summary>
    public static IEnumerable<PropertyInfo> Properties(Type type) => type.GetProperties().Where(property => property.CanWrite)
        .OrderBy(property => Depth(property.DeclaringType!)).ThenBy(property => property.MetadataToken);

    /// <summary>Whether its value is keys with values of their own.</summary>
    public static bool IsNested(Type type) => type.IsClass && type != typeof(string) && Forms(type) is null;

    /// <summary>What a type that is written as one value says of its own forms.</summary>
    public static string? Forms(Type type) => type.GetField("Forms")?.GetValue(null) as string;

    private static int Depth(Type type) => type.BaseType is { } above ? Depth(above) + 1 : 0;
}
