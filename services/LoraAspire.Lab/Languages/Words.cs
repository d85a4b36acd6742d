using System.Globalization;
using System.Resources;

namespace LoraAspire.Lab.Languages;

/// <summary>
/// The words of the pages: English as it stands in them, Chinese in Words.zh.resx, by the English text. What services, stages and models
/// say is English.
/// </summary>
public sealed class Words
{
    private static readonly ResourceManager s_all = new(typeof(Words));

    /// <summary>A text where there is no component, and so no L.</summary>
    /// <param name="places">For {0} and on.</param>
    public static string Of(string text, params object?[] places) => s_all.GetString(text, CultureInfo.CurrentUICulture) is var known
        && places.Length == 0 ? known ?? text : string.Format(CultureInfo.InvariantCulture, known ?? text, places);
}
