namespace LoraAspire.Lab.Languages;

/// <summary>
/// The words of the pages: English as it stands in them, Chinese in Words.zh.resx, by the English text. What services, stages and models
/// say is English, and so is a page that isn't translated yet.
/// </summary>
public sealed class Words;
